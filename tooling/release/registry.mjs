import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runServer } from 'verdaccio'

/**
 * Starts an npm registry in this process, reachable from this machine only. Anyone can publish `names` to it; all other packages
 * come from another registry. It ends with the process, or by `close`.
 *
 * @param {string} folder for the published packages
 * @param {{ names: readonly string[], upstream: string }} options names of the packages that are published to it; address of the
 *   registry of third-party packages
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
  // JSON is valid YAML.
  const path = join(folder, 'config.yaml')
  writeFileSync(path, JSON.stringify(config))
  /** @type {import('node:http').Server} */
  const server = await runServer(path, {})
  await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(undefined))
  })
  const address = server.address()
  if (!address || typeof address === 'string') throw new Error('the local registry does not listen on a port')
  return {
    address: `http://127.0.0.1:${address.port}/`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
