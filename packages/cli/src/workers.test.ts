import { readFile } from 'node:fs/promises'
import type { Engine } from '@selfsup/engine'
import { expect, test } from 'vitest'
import type { ProgressView } from './progress.js'
import { warnOfListening, warnOfPublic, workersFrom } from './workers.js'

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

test('each pod of the Kubernetes example knows its place', async () => {
  const text = await readFile(new URL('../../../examples/kubernetes/job.yaml', import.meta.url), 'utf8')
  const value = (key: string) => new RegExp(`\\b${key}: (\\S+)`).exec(text)?.[1]
  const folded = /name: TF_CONFIG\s+value: >-\n([\s\S]*?)\n +ports:/
    .exec(text)![1]!
    .trim()
    .replace(/\n\s+/g, ' ')
  const service = /kind: Service\nmetadata:\n {2}name: (\S+)/.exec(text)![1]
  expect(value('subdomain')).toBe(service)
  expect(value('parallelism')).toBe(value('completions'))
  // Kubernetes replaces $(INDEX) by the pod's number, and names the pods of an indexed Job JOB-NUMBER.
  const addresses = Array.from(
    { length: Number(value('completions')) },
    (_, i) => `pretrain-${i}.${service}:${value('containerPort')}`,
  )
  for (const rank of addresses.keys())
    expect(workersFrom({}, { TF_CONFIG: folded.replace('$(INDEX)', String(rank)) })).toEqual({
      addresses,
      rank,
    })
})

test('warns of addresses that are not private, and of a server that listens at all addresses', async () => {
  const notes: string[] = []
  const view = { note: (text: string) => notes.push(text) } as unknown as ProgressView
  const engine = (listensOnlyThere: boolean) =>
    ({
      workers: { rank: 1, listensOnlyThere, nameOf: (worker: number) => `worker ${worker} (h:2)` },
    }) as Engine
  await warnOfPublic({ addresses: ['10.0.0.1:1', '127.0.0.1:1'], rank: 0 }, view)
  warnOfListening(engine(true), view)
  expect(notes).toEqual([])
  await warnOfPublic({ addresses: ['10.0.0.1:1', '8.8.8.8:1'], rank: 0 }, view)
  warnOfListening(engine(false), view)
  expect(notes).toEqual([
    expect.stringContaining('Warning: 8.8.8.8:1 is not a private address. The connections'),
    expect.stringContaining('Warning: worker 1 (h:2) listens at all addresses of this machine'),
  ])
})
