import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import tensors from './fixtures/tensors.json' with { type: 'json' }
import { readWeights } from './read-weights.js'

let folder: string
beforeAll(() => {
  folder = temporaryFolder()
})
let count = 0
async function written(content: Buffer | Uint8Array, name = 'x.pth'): Promise<string> {
  const path = join(folder, `${count++}-${name}`)
  await writeFile(path, content)
  return path
}
const fixture = (name: keyof typeof tensors.files) => Buffer.from(tensors.files[name], 'base64')

describe('tensors that PyTorch and safetensors wrote', () => {
  test.each(Object.keys(tensors.files) as (keyof typeof tensors.files)[])('%s', async (name) => {
    const file = await readWeights(await written(fixture(name)))
    const read = await Promise.all(
      [...file.tensors].map(async ([key, tensor]) => [
        key,
        { shape: tensor.shape, dtype: tensor.dtype, values: [...(await tensor.read())] },
      ]),
    )
    await file.close()
    const wanted = Object.entries(tensors.values).filter(
      ([key]) => name !== 'safetensors' || !key.includes('transposed'),
    )
    expect(Object.fromEntries(read)).toEqual(Object.fromEntries(wanted))
  })
})

test.each(Object.keys(tensors.files) as (keyof typeof tensors.files)[])(
  '%s: a file truncated anywhere, or with changed bytes, is read or reported with its name',
  async (name) => {
    const whole = fixture(name)
    for (let length = 0; length < whole.length; length += 263) {
      const path = await written(whole.subarray(0, length))
      const outcome = await readAll(path)
      expect(outcome, `${length} bytes`).toBeInstanceOf(SelfsupError)
      expect((outcome as Error).message).toContain(path)
    }
    for (let at = 0; at < whole.length; at += 149) {
      const changed = Buffer.from(whole)
      changed[at]! ^= 0x5a
      const outcome = await readAll(await written(changed))
      if (outcome instanceof Error) expect(outcome, `byte ${at}`).toBeInstanceOf(SelfsupError)
    }
  },
)

async function readAll(path: string): Promise<unknown> {
  try {
    const file = await readWeights(path)
    try {
      for (const tensor of file.tensors.values()) await tensor.read()
    } finally {
      await file.close()
    }
    return undefined
  } catch (error) {
    return error
  }
}

describe('a pickle with anything but tensors and containers is refused and named', () => {
  test.each([
    ['os.system', 'it names posix.system, which is not a tensor or a container; nothing of it was run'],
    ['builtins.eval in the old format', 'it names __builtin__.eval'],
    ['a numpy array', 'it names numpy'],
    ['a whole module', 'it names torch.nn.modules.linear.Linear'],
  ] as const)('%s', async (name, problem) => {
    const path = await written(Buffer.from(tensors.refused[name], 'base64'))
    const error = await readAll(path)
    expect(error).toBeInstanceOf(SelfsupError)
    expect((error as SelfsupError).problem).toContain(problem)
    expect((error as SelfsupError).problem).toContain(path)
    expect((error as SelfsupError).fix).toContain('torch.save(model.state_dict(), path)')
  })
})

test('other files are reported', async () => {
  for (const content of [Buffer.alloc(0), Buffer.from('GIF89a'), Buffer.from('{"a": 1} this is JSON')]) {
    const path = await written(content, 'weights.pt')
    expect((await readAll(path)) as Error).toMatchObject({ code: 'damaged-file', path })
  }
  expect((await readAll(join(folder, 'missing.pth'))) as Error).toMatchObject({ code: 'not-found' })
})

describe('TensorFlow.js models', () => {
  /** Weights of every type, in two groups; the second has three files, in which tensors do not start at file borders. */
  const groups = () => [
    { paths: ['first.bin'], weights: [{ name: 'conv/kernel', shape: [1, 2, 2, 1], dtype: 'float32' }] },
    {
      paths: ['a.bin', 'part/b.bin', 'c.bin'],
      weights: [
        {
          name: 'bytes',
          shape: [5],
          dtype: 'float32',
          quantization: { dtype: 'uint8', scale: 0.5, min: -3 },
        },
        {
          name: 'shorts',
          shape: [3],
          dtype: 'float32',
          quantization: { dtype: 'uint16', scale: 0.01, min: 2 },
        },
        { name: 'halves', shape: [2], dtype: 'float32', quantization: { dtype: 'float16' } },
        { name: 'counts', shape: [2], dtype: 'int32' },
        { name: 'flags', shape: [3], dtype: 'bool' },
        { name: 'one', shape: [], dtype: 'float32' },
      ],
    },
  ]
  const bytes = [
    Buffer.from(new Float32Array([1, -2, 3.5, 4]).buffer),
    Buffer.concat([
      Buffer.from([0, 1, 2, 255, 128]),
      Buffer.from(new Uint16Array([0, 1000, 65535]).buffer),
      Buffer.from(new Uint16Array([0x3c00, 0xc100]).buffer),
      Buffer.from(new Int32Array([7, -9]).buffer),
      Buffer.from([1, 0, 1]),
      Buffer.from(new Float32Array([0.25]).buffer),
    ]),
  ]

  async function model(change: (json: { weightsManifest: ReturnType<typeof groups> }) => void = () => {}) {
    const own = temporaryFolder()
    await mkdir(join(own, 'part'))
    const [first, second] = bytes as [Buffer, Buffer]
    const files = {
      'first.bin': first,
      'a.bin': second.subarray(0, 6),
      'part/b.bin': second.subarray(6, 9),
      'c.bin': second.subarray(9),
    }
    for (const [name, content] of Object.entries(files)) await writeFile(join(own, name), content)
    const json = { format: 'graph-model', modelTopology: {}, weightsManifest: groups() }
    change(json)
    await writeFile(join(own, 'model.json'), JSON.stringify(json))
    return join(own, 'model.json')
  }

  test('weights by name, as TensorFlow.js decodes them', async () => {
    await prepareEngine({ engine: 'cpu' }) // decodeWeights makes tensors
    const file = await readWeights(await model())
    expect(file.format).toBe('tensorflow.js')
    const wanted = groups().map(({ weights }, i) => {
      const { buffer, byteOffset, length } = bytes[i]!
      return tf.io.decodeWeights(
        buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer,
        weights as never,
      )
    })
    const all = Object.assign({}, ...wanted) as tf.NamedTensorMap
    expect([...file.tensors.keys()]).toEqual(Object.keys(all))
    for (const [name, tensor] of file.tensors) {
      expect(tensor.shape).toEqual(all[name]!.shape)
      expect([...(await tensor.read())]).toEqual([...Float32Array.from(all[name]!.dataSync())])
    }
    tf.dispose(Object.values(all))
    expect([...(await file.tensors.get('bytes')!.read())]).toEqual([-3, -2.5, -2, 124.5, 61])
    await file.close()
  })

  test.each<[string, Parameters<typeof model>[0], string]>([
    [
      'a path outside of the folder',
      ({ weightsManifest: [first] }) => first!.paths.splice(0, 1, '../first.bin'),
      'it names ../first.bin, which is outside its folder',
    ],
    [
      'an absolute path',
      ({ weightsManifest: [first] }) => first!.paths.splice(0, 1, '/etc/passwd'),
      'which is outside its folder',
    ],
    ['a missing file', ({ weightsManifest: [first] }) => first!.paths.splice(0, 1, 'no.bin'), 'no.bin'],
    [
      'a shape that needs more bytes',
      ({ weightsManifest: [first] }) => first!.weights[0]!.shape.push(3),
      'need 48 bytes by their shapes; the files contain 16',
    ],
    [
      'a huge shape',
      ({ weightsManifest: [first] }) => first!.weights[0]!.shape.push(2 ** 50),
      'the files contain 16',
    ],
    [
      'a name twice',
      ({ weightsManifest: [first, second] }) => {
        second!.weights[0]!.name = first!.weights[0]!.name
      },
      "it names weight 'conv/kernel' twice",
    ],
    [
      'text as weights',
      ({ weightsManifest: [first] }) => {
        first!.weights[0]!.dtype = 'string'
      },
      'has type string',
    ],
    [
      'no weights',
      (json) => {
        json.weightsManifest = []
      },
      'it contains no weights',
    ],
  ])('%s is refused', async (_, change, message) => {
    const path = await model(change)
    const error = (await readAll(path)) as SelfsupError
    expect(error).toBeInstanceOf(SelfsupError)
    expect(error.problem).toContain(`${path} can't be read as a TensorFlow.js model`)
    expect(error.problem).toContain(message)
  })

  test('a link to a file outside of the folder is refused', async () => {
    const path = await model(({ weightsManifest: [first] }) => first!.paths.splice(0, 1, 'link.bin'))
    const outside = join(temporaryFolder(), 'outside.bin')
    await writeFile(outside, bytes[0]!)
    await symlink(outside, join(path, '..', 'link.bin'))
    expect(((await readAll(path)) as SelfsupError).problem).toContain('a link to a file outside its folder')
  })
})
