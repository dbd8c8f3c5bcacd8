import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
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
