import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MethodDefinition } from '@selfsup/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkSettings, methodOptions, readConfig } from './config.js'

const definition: MethodDefinition = {
  name: 'fake',
  summary: '',
  paper: '',
  options: {
    temperature: { type: 'number', default: 0.5, min: 0.01, max: 10, description: '' },
    layers: { type: 'number', default: 2, min: 1, integer: true, description: '' },
    symmetric: { type: 'boolean', default: true, description: '' },
    views: { type: 'choice', default: 'simclr', choices: ['simclr', 'gray'], description: '' },
  },
  training: () => {
    throw new Error('not trained here')
  },
  create: () => {
    throw new Error('not created here')
  },
}

describe('methodOptions', () => {
  test('fills in defaults and converts words to the option’s type; words override the file', () => {
    expect(methodOptions(definition, [])).toEqual({
      temperature: 0.5,
      layers: 2,
      symmetric: true,
      views: 'simclr',
    })
    expect(
      methodOptions(definition, ['temperature=0.2', 'symmetric=false', 'views=gray'], {
        temperature: 1,
        layers: 3,
      }),
    ).toEqual({ temperature: 0.2, layers: 3, symmetric: false, views: 'gray' })
  })

  test.each([
    ['temperatur=1', "unknown option of fake 'temperatur'; did you mean 'temperature'?"],
    ['temperature=0', "fake's option temperature must be a number from 0.01 to 10; got 0"],
    ['temperature=', 'must be a number from 0.01 to 10'],
    ['layers=1.5', "fake's option layers must be a whole number of at least 1"],
    ['symmetric=maybe', 'must be true or false'],
    ['views=blue', 'must be one of simclr, gray'],
    ['views', "--set expects option=value; got 'views'"],
  ])('refuses %s', (word, message) => {
    expect(() => methodOptions(definition, [word])).toThrow(message)
  })
})

describe('settings', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'selfsup-config-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('suggests the nearest name for an unknown setting', () => {
    expect(() => checkSettings({ epoch: 3 }, 'run.json')).toThrow(
      "run.json: unknown setting 'epoch'; did you mean 'epochs'?",
    )
  })

  test('names each invalid value', () => {
    expect(() => checkSettings({ epochs: 0, batch: 'many' }, 'run.json')).toThrow(
      /run\.json: epochs: .*; batch: /,
    )
  })

  test('names a file that is not valid JSON', async () => {
    const path = join(folder, 'broken.json')
    await writeFile(path, '{ "epochs": ')
    await expect(readConfig(path)).rejects.toThrow(/broken\.json is not valid JSON/)
  })

  test('reads a valid file', async () => {
    const path = join(folder, 'good.json')
    await writeFile(path, '{ "epochs": 3, "options": { "temperature": 0.1 } }')
    expect(await readConfig(path)).toEqual({ epochs: 3, options: { temperature: 0.1 } })
  })
})
