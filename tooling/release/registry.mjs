import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runServer } from 'verdaccio'

/**
 * Starts a registry in this process, which only this machine reaches: it takes the packages named here from anybody and
 * hands on everything else from another registry. It ends with the process, or by `close`.
 *
 * @param {string} folder where it keeps what is published
 * @param {{ names: readonly string[], upstream: string }} options names of the packages that are published to it, and
 *   the address of the registry that third-party packages come from
 * @returns {Promise<{ address: string, close: () => void }>} its address ends with a slash
 */
export async function startRegistry(folder, { names, upstream }) {
  const config = {
    self_path: folder,
    storage: join(folder, 'storage'),
    auth: { htpasswd: { file: join(folder, 'htpasswd') } },
    uplinks: { upstream: { url: upstream, cache: false, timeout: '60s', max_fails: 100 } },
    packages: {
      ...Object.fromEntries(names.map((name) => [name, { access: '$all', publish: '$all' }])),
      '**': { access: '$all', proxy: 'upstream' },
    },
    log: { type: 'file', path: join(folder, 'registry.log'), format: 'pretty', level: 'warn' },
    web: { enable: false },
    max_body_size: '100mb',
  }
  // JSON is YAML as well.
  const path = join(folder, 'config.yaml')
  writeFileSync(path, JSON.stringify(config))
  /** @type {import('node:http').Server} */
  const server = await runServer(path, {})
  await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(undefined))
  })
  const address = server.address()
  if (!address || typeof address === 'string') throw new Error('the local registry listens on no port')
  return {
    address: `http://127.0.0.1:${address.port}/`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
