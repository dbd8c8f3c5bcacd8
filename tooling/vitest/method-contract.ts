import type { MethodDefinition } from '@selfsup/core'
import { type Engine, prepareEngine } from '@selfsup/engine'
import { beforeAll, describe, test } from 'vitest'
import { noticesCollapse } from './contract/collapse.js'
import { compiledEqualsEager } from './contract/compiled.js'
import { takesGreyAndColour } from './contract/images.js'
import { overfitsOneBatch } from './contract/learning.js'
import { leaksNothing } from './contract/memory.js'
import { keepsItsBounds } from './contract/options.js'
import { goesOnAfterRestore } from './contract/restore.js'
import type { MethodSettings, Subject } from './contract/subject.js'
import { orderFollowsTheSeed, viewsFollowTheSeed } from './contract/views.js'
import { testEngines } from './engines.js'
import { missingWebgpu } from './webgpu.js'

export type { MethodSettings, Subject } from './contract/subject.js'

/** The requirements of every method, by the name of the test. Each throws if the method does not meet it. */
export const checks: Readonly<Record<string, (subject: Subject) => Promise<void>>> = {
  'views follow the seed': viewsFollowTheSeed,
  'an order of its own follows the seed': orderFollowsTheSeed,
  'grey and colour images, whole and as crops': takesGreyAndColour,
  'nothing is leaked by a step or left after dispose()': leaksNothing,
  'a restored checkpoint goes on with the same step': goesOnAfterRestore,
  'compiled steps equal eager ones': compiledEqualsEager,
  'each phase overfits one batch': overfitsOneBatch,
  'a collapsed network is noticed': noticesCollapse,
  'options work up to their bounds and no further': keepsItsBounds,
}

/** What is checked on WebGPU too, of the methods that ask for it: recorded steps, and that sums have a fixed order. */
const onWebgpu = new Set([
  'nothing is leaked by a step or left after dispose()',
  'a restored checkpoint goes on with the same step',
  'compiled steps equal eager ones',
])

/** A software adapter on a busy machine compiles the programs of a method for more than a minute; alone, in some seconds. */
const COMPILING = 300_000

/** What is checked on every engine; the rest, on the fastest alone, or its steps would take long. */
const everywhere = new Set([
  'views follow the seed',
  'grey and colour images, whole and as crops',
  'nothing is leaked by a step or left after dispose()',
])

/**
 * Tests what every method must hold, on each engine: call it once for each method of a package.
 *
 * ```ts
 * testMethod(definition, { options: { outputs: 8 } })
 * ```
 *
 * @param definition how programs find the method
 * @param settings options that make it small, and in what it differs from most methods
 */
export function testMethod(definition: MethodDefinition, settings: MethodSettings = {}): void {
  const engines = testEngines()
  describe.each(engines)(`${definition.name} on %s holds the contract of methods`, (name) => {
    let engine: Engine
    beforeAll(async () => {
      engine = await prepareEngine({ engine: name })
    })
    for (const [title, check] of Object.entries(checks)) {
      if (name === engines[0] || everywhere.has(title))
        test(title, () => check({ definition, settings, engine }))
    }
  })
  if (settings.webgpu && !engines.includes('webgpu')) testOnWebgpu(definition, settings)
}

/** A part of the contract on WebGPU, where it can be tested. `SELFSUP_ENGINE=webgpu` tests all of it, of all methods. */
function testOnWebgpu(definition: MethodDefinition, settings: MethodSettings): void {
  describe(`${definition.name} on webgpu holds the contract of methods`, () => {
    let missing: string | undefined
    let engine: Engine
    beforeAll(async () => {
      missing = await missingWebgpu()
      if (!missing) engine = await prepareEngine({ engine: 'webgpu' })
    })
    for (const title of onWebgpu)
      test(title, { timeout: COMPILING }, ({ skip }) => {
        skip(missing !== undefined, missing)
        return checks[title]!({ definition, settings, engine })
      })
  })
}
