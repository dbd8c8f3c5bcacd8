import { prepareEngine } from '@selfsup/engine'
import { beforeAll, describe, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { expectReference, referenceCases } from './fixtures/reference-cases.js'

describe.each(testEngines())('on %s, equal to the reference code', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test.each(referenceCases)('%s', (_, reference) => expectReference(reference))
})
