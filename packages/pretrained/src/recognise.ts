import { SelfsupError } from '@selfsup/core'
import type { ArchitectureReader, FileFacts } from './architecture.js'
import type { Naming } from './naming.js'
import { convnextReader } from './read-convnext.js'
import { dinov3Reader } from './read-dinov3.js'
import { mobilenetReader } from './read-mobilenet.js'
import { resnetReader } from './read-resnet.js'
import { vitReader } from './read-vit.js'
import { type StoredTensor, sizeOf, type WeightFile } from './weight-file.js'

/** All architectures that can be read. */
const readers: readonly ArchitectureReader[] = [
  resnetReader,
  mobilenetReader,
  convnextReader,
  dinov3Reader,
  vitReader,
]

/** The tensors of one network in a file, by timm's names. */
export interface NamedTensors {
  readonly path: string
  /** names in the file, without the prefix of the network */
  readonly names: readonly string[]
  get(name: string): StoredTensor | undefined
  /**
   * The tensors of a weight.
   * @returns their names, and the tensors in the same order; undefined for those that the file does not contain
   */
  find(timm: string): {
    readonly names: readonly string[]
    readonly parts: readonly (StoredTensor | undefined)[]
  }
}

/** A network in a file. */
export interface Recognised {
  readonly reader: ArchitectureReader
  readonly naming: Naming
  readonly tensors: NamedTensors
  readonly facts: FileFacts
}

/**
 * Finds the network in a file: by the names of its tensors, after a prefix such as `model.` or `teacher.backbone.`. Of a teacher and
 * a student, the teacher is used.
 * @throws SelfsupError if no architecture is recognised
 */
export function recognise(file: WeightFile): Recognised {
  const names = [...file.tensors.keys()]
  for (const reader of readers)
    for (const naming of reader.namings) {
      const prefixes = names
        .filter((name) => name === naming.marker || name.endsWith(`.${naming.marker}`))
        .map((name) => name.slice(0, name.length - naming.marker.length))
      if (prefixes.length === 0) continue
      const prefix = prefixes.sort((a, b) => rank(a) - rank(b) || a.length - b.length)[0]!
      const tensors = withPrefix(file, prefix, naming)
      return { reader, naming, tensors, facts: factsOf(file, tensors) }
    }
  const some = names.slice(0, 3).join(', ')
  throw new SelfsupError(
    `${file.path} contains none of the networks that can be read: ResNet (torchvision, timm, transformers), MobileNetV3 (torchvision, timm), ConvNeXt (torchvision, timm, transformers, Meta), or vision transformer with a class token (timm, transformers, Meta's DINO, DINOv2 and DINOv3); its tensors are ${some}, …`,
    { code: 'unsupported', path: file.path },
  )
}

/** A teacher, which is an average of students, has the better features. */
function rank(prefix: string): number {
  if (/teacher|ema|target|momentum/.test(prefix)) return 0
  return /student|online/.test(prefix) ? 2 : 1
}

function withPrefix({ path, tensors }: WeightFile, prefix: string, naming: Naming): NamedTensors {
  const own = new Map(
    [...tensors]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor] as const),
  )
  return {
    path,
    names: [...own.keys()],
    get: (name) => own.get(name),
    find(timm) {
      const alternatives = naming.names(timm)
      const present = (names: readonly string[]) =>
        names.filter((name) => own.has(withoutPart(name))).length / names.length
      const best = Math.max(...alternatives.map(present))
      const names = alternatives.find((all) => present(all) === best) ?? [timm]
      return { names: names.map(withoutPart), parts: names.map((name) => partOf(own, name)) }
    },
  }
}

function withoutPart(name: string): string {
  return name.replace(/#\d+\/\d+$/, '')
}

/** A tensor, or a part of its first axis for `name#1/3`. */
function partOf(tensors: ReadonlyMap<string, StoredTensor>, name: string): StoredTensor | undefined {
  const whole = tensors.get(withoutPart(name))
  const [, index, count] = /#(\d+)\/(\d+)$/.exec(name) ?? []
  if (!whole || index === undefined) return whole
  const [first = 0, ...rest] = whole.shape
  const shape = [first / Number(count), ...rest]
  const size = sizeOf(shape)
  return {
    shape,
    dtype: whole.dtype,
    read: async () => (await whole.read()).slice(Number(index) * size, (Number(index) + 1) * size),
  }
}

function factsOf({ path, format, exported }: WeightFile, tensors: NamedTensors): FileFacts {
  return {
    path,
    format,
    stem: exported?.stem,
    has: (name) => tensors.get(name) !== undefined,
    shapeOf(timm) {
      const { parts } = tensors.find(timm)
      const [whole] = parts
      if (!whole || parts.includes(undefined)) return undefined
      const [first, ...rest] = whole.shape
      return first === undefined ? [] : [first * parts.length, ...rest]
    },
  }
}
