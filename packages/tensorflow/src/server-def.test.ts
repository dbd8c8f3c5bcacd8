import { expect, test } from 'vitest'
import { encodeConfig } from './config.js'
import { encodeServerDef } from './server-def.js'

test('describes the cluster as tensorflow_server.proto does', () => {
  // Written down by hand from the field numbers: cluster 1 { job 1 { name 1, tasks 2 { key 1, value 2 } } }, job_name 2,
  // task_index 3, default_session_config 4, protocol 5.
  const worker = '06776f726b6572' // "worker" with its length
  const tasks = '12070800' + '1203613a31' + '12070801' + '1203623a32' // 0: "a:1", 1: "b:2"
  const expected = `0a1c0a1a0a${worker}${tasks}12${worker}1801220210022a0467727063`
  const bytes = encodeServerDef({ addresses: ['a:1', 'b:2'], rank: 1 }, Uint8Array.of(0x10, 2))
  expect(Buffer.from(bytes).toString('hex')).toBe(expected)
})

test('the configuration names the worker that leads the group', () => {
  // experimental 16 { collective_group_leader 1 }
  expect(Buffer.from(encodeConfig({ groupLeader: 'x' })).toString('hex')).toBe('8201030a0178')
})
