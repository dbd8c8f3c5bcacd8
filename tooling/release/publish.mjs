import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { run } from './scratch.mjs'

/**
 * Uploads a packed package to a registry without accounts. Sends what `npm publish` sends, which needs seconds for each package.
 *
 * @param {import('./check-package.mjs').Packed} packed
 * @param {string} registry address that ends with a slash
 */
export async function putPackage({ name, version, filename }, registry) {
  const tarball = readFileSync(filename)
  const { stdout } = await run('tar', ['-xOf', filename, 'package/package.json'], { cwd: '.' })
  const file = `${name}-${version}.tgz`
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
  const shasum = createHash('sha1').update(tarball).digest('hex')
  const dist = { integrity, shasum, tarball: `${registry}${name}/-/${file}` }
  const response = await fetch(registry + name.replace('/', '%2f'), {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      _id: name,
      name,
      'dist-tags': { latest: version },
      versions: { [version]: { ...JSON.parse(stdout), _id: `${name}@${version}`, dist } },
      _attachments: {
        [file]: {
          content_type: 'application/octet-stream',
          data: tarball.toString('base64'),
          length: tarball.length,
        },
      },
    }),
  })
  if (!response.ok) throw new Error(`${name} can't be published: ${response.status} ${await response.text()}`)
}

/**
 * Publishes all packages of a workspace as a release does.
 *
 * @param {string} workspace
 * @param {NodeJS.ProcessEnv} env with npm set to the registry
 */
export async function publishAll(workspace, env) {
  const args = ['--recursive', '--filter', './packages/*', 'publish', '--no-git-checks']
  const { ok, text } = await run('pnpm', args, { cwd: workspace, env })
  if (!ok) throw new Error(`pnpm publish failed:\n${text.split('\n').slice(-25).join('\n')}`)
}
