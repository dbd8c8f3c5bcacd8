import { expect, test } from 'vitest'
import { workersFrom } from './workers.js'

const cluster = { chief: ['c:1'], worker: ['a:1', 'b:1'] }
const config = (task: object) => ({ TF_CONFIG: JSON.stringify({ cluster, task }) })

test('a process without flags and variables is alone', () => {
  expect(workersFrom({}, {})).toBeUndefined()
})

test('reads flags, the variables of launch, and the index of a Kubernetes job', () => {
  const expected = { addresses: ['a:1', 'b:2'], rank: 1 }
  expect(workersFrom({ workers: 'a:1, b:2', rank: 1 }, {})).toEqual(expected)
  expect(workersFrom({}, { SELFSUP_WORKERS: 'a:1,b:2', SELFSUP_RANK: '1' })).toEqual(expected)
  expect(workersFrom({ workers: 'a:1,b:2' }, { JOB_COMPLETION_INDEX: '1' })).toEqual(expected)
  expect(() => workersFrom({ workers: 'a:1,b:2' }, {})).toThrow('--workers needs --rank')
  expect(() => workersFrom({ rank: 1 }, {})).toThrow('--rank needs --workers')
})

test('reads TF_CONFIG as Kubeflow sets it: the chief is the first worker', () => {
  const addresses = ['c:1', 'a:1', 'b:1']
  expect(workersFrom({}, config({ type: 'chief', index: 0 }))).toEqual({ addresses, rank: 0 })
  expect(workersFrom({}, config({ type: 'worker', index: 1 }))).toEqual({ addresses, rank: 2 })
  expect(() => workersFrom({}, config({ type: 'ps', index: 0 }))).toThrow(
    'TF_CONFIG must have task.type chief, master or worker; got "ps"',
  )
  expect(() => workersFrom({}, { TF_CONFIG: '{' })).toThrow('TF_CONFIG is not valid JSON')
  expect(() => workersFrom({}, { TF_CONFIG: '{"cluster":{},"task":{"type":"worker"}}' })).toThrow(
    'names no worker',
  )
  expect(workersFrom({}, { TF_CONFIG: '{}' })).toBeUndefined()
})
