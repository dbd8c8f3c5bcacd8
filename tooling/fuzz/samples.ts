import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { Header } from 'tar/header'
import { Pax } from 'tar/pax'
import formats from '../../packages/data/src/fixtures/formats.json' with { type: 'json' }
import jpeg2000 from '../../packages/data/src/fixtures/jpeg2000.json' with { type: 'json' }
import { writeSafetensors } from '../../packages/train/src/safetensors.js'

/** Valid files, which the fuzzer mutates. */

export function image(number: number, side = 24) {
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => (i * (number + 7)) % 251)
  return sharp(data, { raw: { width: side, height: side, channels: 3 } })
}

export function tarOf(
  files: readonly (readonly [name: string, content: Buffer])[],
  kind: 'ustar' | 'pax' | 'base256',
) {
  const blocks: Buffer[] = []
  for (const [path, content] of files) {
    if (kind === 'pax') blocks.push(new Pax({ path, size: content.length } as Pax).encode())
    const block = Buffer.alloc(512)
    new Header({ path, mode: 0o644, size: kind === 'pax' ? 0 : content.length, type: 'File' }).encode(block)
    if (kind === 'base256') {
      block.fill(0, 124, 136)
      block[124] = 0x80
      block.writeUInt32BE(content.length, 132)
    }
    blocks.push(checksummed(block), content, Buffer.alloc((512 - (content.length % 512)) % 512))
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

/** Sets the checksum of a tar header. Readers reject a header with a wrong checksum before they read its fields. */
function checksummed(block: Buffer): Buffer {
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** Corrects the checksums of a mutated tar file, for the headers that are still in their place. */
export function withChecksums(tar: Buffer): Buffer {
  for (let at = 0; at + 512 <= tar.length; at += 512) {
    const block = tar.subarray(at, at + 512)
    if (block.toString('latin1', 257, 262) === 'ustar') checksummed(block)
  }
  return tar
}

export function idx(dimensions: readonly number[]): Buffer {
  const head = Buffer.alloc(4 + 4 * dimensions.length)
  head.writeUInt32BE(0x0800 + dimensions.length)
  for (const [i, n] of dimensions.entries()) head.writeUInt32BE(n, 4 + 4 * i)
  return Buffer.concat([
    head,
    Buffer.alloc(
      dimensions.reduce((a, b) => a * b, 1),
      5,
    ),
  ])
}

export function npy(count: number, width: number, type: '<f4' | '<f8' = '<f4'): Buffer {
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${count}, ${width}), }`
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10
  const head = Buffer.alloc(10 + length, ' ')
  head.write('\x93NUMPY\x01\x00', 'latin1')
  head.writeUInt16LE(length, 8)
  head.write(text, 10)
  head.write('\n', head.length - 1)
  return Buffer.concat([head, Buffer.alloc(count * width * Number(type[2]))])
}

/** A checkpoint of step 12. In version 1 the header has no hash, so that readers look at a changed header. */
export async function checkpoint(version: 1 | 2): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'selfsup-fuzz-'))
  const path = join(folder, 'x.safetensors')
  const position = { step: 12, smoothedLoss: 0.5, epochLoss: 1.5, epochSteps: 3 }
  await writeSafetensors(path, {
    tensors: {
      'networks/backbone/kernel': { dtype: 'float32', shape: [2, 3], values: new Float32Array(6).fill(1) },
      'state/count': { dtype: 'int32', shape: [], values: Int32Array.of(3) },
    },
    metadata: Object.fromEntries(
      Object.entries({
        format: 'selfsup',
        formatVersion: 3,
        ...(version === 2 && { checkpointVersion: 2 }),
        ...position,
      }).map(([name, value]) => [name, String(value)]),
    ),
  })
  const file = await readFile(path)
  await rm(folder, { recursive: true })
  if (version === 2) return file
  const length = Number(file.readBigUInt64LE())
  const header = JSON.parse(file.toString('utf8', 8, 8 + length))
  delete header.__metadata__.headerSha256
  const text = Buffer.from(JSON.stringify(header))
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([prefix, text, file.subarray(8 + length)])
}

/** Small files of the formats that have their own readers. */
export async function formatSamples(): Promise<[name: string, content: Buffer][]> {
  return [...Object.entries(formats), ...Object.entries(jpeg2000)].map(([name, { file }]) => [
    name,
    Buffer.from(file, 'base64'),
  ])
}
