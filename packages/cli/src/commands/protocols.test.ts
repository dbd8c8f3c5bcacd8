import { protocols } from '@selfsup/evaluation'
import { expect, test } from 'vitest'
import { protocolNames } from '../flags.js'

test('the help text lists every protocol', () => {
  expect(protocolNames.split(', ')).toEqual(protocols.map(({ name }) => name))
})
