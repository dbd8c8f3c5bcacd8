import { expect, test } from 'vitest'
import { crc32c } from './crc32c.js'
import { fileVersionRecord, restartRecord, scalarRecord } from './event-file.js'
import fixture from './fixtures/events.json' with { type: 'json' }

test.each([
  ['123456789', 0xe3069283],
  ['', 0],
  ['a', 0xc1d04330],
])('CRC-32C of %j', (text, crc) => {
  expect(crc32c(Buffer.from(text))).toBe(crc)
})

test('CRC-32C of 32 zeros and of 32 ones (RFC 3720, B.4)', () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43)
})

test('records equal those that TensorBoard writes, byte for byte', () => {
  const records = [
    fileVersionRecord(1_700_000_000.25),
    restartRecord(1_700_000_000.5, 300),
    scalarRecord({ wallTime: 1_700_000_001, step: 70_000, scalars: { loss: 4.75, learningRate: 0.06 } }),
  ]
  expect(Buffer.concat(records).toString('base64')).toBe(fixture.base64)
})
