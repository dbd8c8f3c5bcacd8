import { readFileSync } from 'node:fs'
import { convnet } from '@selfsup/backbones'
import type { Method } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import { expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { expectWholeSteps, type WholeSteps } from '../../../tooling/vitest/whole-steps.js'
import { simclr } from './simclr.js'

const fixture: WholeSteps = JSON.parse(readFileSync(new URL('fixtures/simclr.json', import.meta.url), 'utf8'))

// The fixture was created by fixtures/make_simclr.py with torch and lightly's NTXentLoss.
test.each(testEngines())('ten compiled steps equal ten steps in PyTorch, on %s', async (name) => {
  const engine = await prepareEngine({ engine: name })
  const backbone = convnet({ size: 4, widths: [3, 4] })
  const method = simclr(backbone, { temperature: 0.2, hidden: 5, outputs: 3 })
  expect(fixture.losses).toHaveLength(10)
  expectWholeSteps(method as unknown as Method, fixture, engine)
  method.dispose()
  backbone.dispose()
})
