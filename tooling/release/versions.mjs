import { cpSync, existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { run } from './scratch.mjs'
import { root } from './workspace.mjs'

/**
 * Copies the current files of the workspace that git tracks or would track.
 * @param {string} to an empty folder
 */
export async function copySources(to) {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const { ok, stdout, text } = await run('git', args, { cwd: root })
  if (!ok) throw new Error(`the files of the workspace can't be listed: ${text}`)
  for (const path of stdout.split('\0').filter(Boolean)) {
    if (!existsSync(join(root, path)) || !statSync(join(root, path)).isFile()) continue
    mkdirSync(dirname(join(to, path)), { recursive: true })
    cpSync(join(root, path), join(to, path))
  }
}

/**
 * Turns the changesets of a copy of the workspace into versions and changelogs.
 * @param {string} workspace
 */
export async function changeVersions(workspace) {
  const program = join(root, 'node_modules/@changesets/cli/bin.js')
  // The copy has no dependencies yet, and its changelog.cjs needs one.
  const env = { ...process.env, NODE_PATH: join(root, 'node_modules') }
  const { text } = await run(process.execPath, [program, 'version'], { cwd: workspace, env })
  if (!text.includes('All files have been updated')) throw new Error(`changeset version failed:\n${text}`)
}

/**
 * Installs and builds a copy of the workspace as a release does.
 * @param {string} workspace
 */
export async function build(workspace) {
  for (const args of [
    ['install', '--frozen-lockfile', '--prefer-offline'],
    ['run', 'build'],
  ]) {
    const { ok, text } = await run('pnpm', args, { cwd: workspace, env: { ...process.env, CI: 'true' } })
    if (!ok) throw new Error(`pnpm ${args.join(' ')} failed:\n${text.split('\n').slice(-25).join('\n')}`)
  }
}
