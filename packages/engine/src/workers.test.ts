import { expect, test } from 'vitest'
import { checkedWorkers, publicAddresses } from './workers.js'

test('a single worker needs no exchange', () => {
  expect(checkedWorkers({ addresses: ['127.0.0.1:3000'], rank: 0 })).toBeUndefined()
  expect(checkedWorkers(undefined)).toBeUndefined()
})

test.each([
  [['a:1', 'a'], 0, "an address must be host:port with a port from 1 to 65535; got 'a'"],
  [['a:1', 'b:70000'], 0, "got 'b:70000'"],
  [['a:1', 'a:1'], 0, 'each worker needs its own address; got a:1 twice'],
  [['a:1', 'b:1'], 2, 'rank must be a whole number from 0 to 1, because there are 2 workers; got 2'],
])('rejects the workers %j with rank %i', (addresses, rank, message) => {
  expect(() => checkedWorkers({ addresses, rank })).toThrow(message)
})

test('finds the addresses that others may reach', () => {
  const inside = [
    '127.0.0.1:1',
    '10.1.2.3:1',
    '172.16.0.1:1',
    '172.31.9.9:1',
    '192.168.0.4:1',
    '169.254.1.1:1',
    '[::1]:1',
    '[fd00::1]:1',
    'worker-0:1',
    'localhost:1',
    'job-0.job.default.svc.cluster.local:1',
  ]
  const outside = ['172.32.0.1:1', '8.8.8.8:1', '[2001:db8::1]:1', 'gpu.example.com:1']
  expect(publicAddresses([...inside, ...outside])).toEqual(outside)
})
