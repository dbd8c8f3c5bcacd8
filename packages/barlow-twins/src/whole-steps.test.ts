import { readFileSync } from 'node:fs'
import { convnet } from '@selfsup/backbones'
import type { Method, MethodDefinition } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import { describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { expectWholeSteps, type WholeSteps } from '../../../tooling/vitest/whole-steps.js'
import { definition, vicregDefinition } from './index.js'

const fixtures: Record<'barlow-twins' | 'vicreg', WholeSteps> = JSON.parse(
  readFileSync(new URL('fixtures/twins.json', import.meta.url), 'utf8'),
)

// The fixtures were created by fixtures/make_twins.py with torch and lightly's BarlowTwinsLoss and VICRegLoss.
describe.each(testEngines())('ten compiled steps on %s equal ten steps in PyTorch', (name) => {
  test.each<[keyof typeof fixtures, MethodDefinition, object]>([
    ['barlow-twins', definition, { lambda: 0.05 }],
    ['vicreg', vicregDefinition, {}],
  ])('%s', async (title, { create }, options) => {
    const engine = await prepareEngine({ engine: name })
    const backbone = convnet({ size: 4, widths: [3, 4] })
    const method: Method = create(backbone, { hidden: 6, outputs: 5, ...options })
    expect(fixtures[title].losses).toHaveLength(10)
    expectWholeSteps(method, fixtures[title], engine)
    method.dispose()
    backbone.dispose()
  })
})
