import { type Engine, prepareEngine } from '@selfsup/engine'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Fault, toyMethod } from './contract/broken-methods.js'
import { testEngines } from './engines.js'
import { checks } from './method-contract.js'

const [engineName] = testEngines()
let engine: Engine
beforeAll(async () => {
  engine = await prepareEngine({ engine: engineName! })
})

/** What the check of that name says of a toy with a fault; undefined when it says nothing. */
async function verdict(title: string, fault: Fault): Promise<string | undefined> {
  const check = checks[title]
  if (!check) throw new Error(`there is no check '${title}'`)
  try {
    await check({ definition: toyMethod(fault), settings: {}, engine })
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

test.each(Object.keys(checks))('a method without fault passes: %s', async (title) => {
  expect(await verdict(title, 'none')).toBeUndefined()
})

describe('each fault is found, by the check that is for it', () => {
  const faults: readonly (readonly [Fault, string, string])[] = [
    ['ignores the seed', 'views follow the seed', 'views of different seeds are the same'],
    ['draws on the host in views', 'views follow the seed', 'views of one seed differ from call to call'],
    [
      'order ignores the seed',
      'an order of its own follows the seed',
      'orders of different seeds are the same',
    ],
    ['refuses grey images', 'grey and colour images, whole and as crops', 'colours only'],
    ['takes no crops', 'grey and colour images, whole and as crops', 'whole images only'],
    [
      'leaks a tensor in the loss',
      'nothing is leaked by a step or left after dispose()',
      'tensors left by a',
    ],
    [
      'keeps its state after dispose',
      'nothing is leaked by a step or left after dispose()',
      'after its dispose()',
    ],
    [
      'has state that no checkpoint holds',
      'a restored checkpoint goes on with the same step',
      'after a restore',
    ],
    ['counts steps on the host', 'a restored checkpoint goes on with the same step', 'after a restore'],
    ['draws on the host in the loss', 'a restored checkpoint goes on with the same step', 'after a restore'],
    ['does not learn', 'each phase overfits one batch', 'its fall'],
    ['shows features that are not of the network', 'a collapsed network is noticed', 'of collapsed networks'],
    ['has an alarm of no metric', 'a collapsed network is noticed', 'what the alarm collapse watches'],
    ['has an alarm that never rises', 'a collapsed network is noticed', 'of collapsed networks is raised'],
    ['accepts what is out of range', 'options work up to their bounds and no further', 'was accepted'],
    ['accepts unknown options', 'options work up to their bounds and no further', 'noSuchOption'],
    ['refuses a bound', 'options work up to their bounds and no further', 'weight must be below 2'],
    [
      'throws a plain Error',
      'options work up to their bounds and no further',
      'must be refused with a SelfsupError',
    ],
    [
      'does not name the option',
      'options work up to their bounds and no further',
      'the message must name the option',
    ],
    [
      'writes other options down',
      'options work up to their bounds and no further',
      'what is written down with a run',
    ],
    [
      'has no finite loss at a bound',
      'options work up to their bounds and no further',
      'weight = 2: the loss of phase main',
    ],
  ]
  test.each(faults)('%s', async (fault, title, says) => {
    expect(await verdict(title, fault)).toContain(says)
  })

  // Engines that run a step as it is have nothing to compare.
  test
    .runIf(engineName === 'tensorflow')
    .each<Fault>(['counts steps on the host', 'draws on the host in the loss', 'draws on the host in views'])(
    '%s: its compiled step is another',
    async (fault) => {
      expect(await verdict('compiled steps equal eager ones', fault)).toBeDefined()
    },
  )
})
