// A package that passes all checks: node tooling/new-package/new-package.mjs NAME [--part] [--root FOLDER]
// A method with its definition, known to the command line; with --part, a package of plain functions.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { methodPackage } from './method.mjs'
import { partPackage } from './part.mjs'

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message)
  process.exit(1)
}
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    part: { type: 'boolean', default: false },
    root: { type: 'string', default: fileURLToPath(new URL('../..', import.meta.url)) },
  },
})
const { part, root } = values
const [name = ''] = positionals
if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
  fail(
    `usage: pnpm new-package NAME [--part]; NAME in lower case with hyphens, such as barlow-twins${name ? `; got '${name}'` : ''}`,
  )
}
const folder = join(root, 'packages', name)
if (existsSync(folder)) fail(`packages/${name} is there already`)
/** @param {string} path */
const read = (path) => readFileSync(join(root, path), 'utf8')
/** @type {(path: string, content: string) => void} */
const write = (path, content) => writeFileSync(join(root, path), content)

// The package itself.
const model = JSON.parse(read(part ? 'packages/losses/package.json' : 'packages/simclr/package.json'))
const { files, manifest } = part ? partPackage(name) : methodPackage(name)
mkdirSync(join(folder, 'src'), { recursive: true })
for (const [path, content] of Object.entries({
  ...files,
  'package.json': `${JSON.stringify(
    {
      ...model,
      name: `@selfsup/${name}`,
      version: '0.0.0',
      scripts: { ...model.scripts, test: model.scripts.test.replace(/packages\/\S+/, `packages/${name}/`) },
      ...manifest,
    },
    null,
    2,
  )}\n`,
})) {
  write(`packages/${name}/${path}`, content)
}
for (const path of ['tsconfig.json', 'LICENSE']) {
  const here = join(root, 'packages/losses', path)
  cpSync(existsSync(here) ? here : join(root, path), join(folder, path))
}
mkdirSync(join(root, '.changeset'), { recursive: true })
write(`.changeset/${name}.md`, `---\n'@selfsup/${name}': major\n---\n\nWhat its users notice.\n`)

// Its place in the house, unless it has one: with the methods, or with the parts.
const rows = read('tooling/layers/rows.ts')
const neighbour = part ? 'data' : 'generative'
if (!rows.includes(`'${name}'`))
  write('tooling/layers/rows.ts', rows.replace(`'${neighbour}'`, `'${neighbour}', '${name}'`))

// Programs and the command line find methods in the registry.
if (!part) {
  const runs = JSON.parse(read('packages/runs/package.json'))
  const dependencies = { ...runs.dependencies, [`@selfsup/${name}`]: 'workspace:^' }
  runs.dependencies = Object.fromEntries(Object.entries(dependencies).sort(([a], [b]) => (a < b ? -1 : 1)))
  write('packages/runs/package.json', `${JSON.stringify(runs, null, 2)}\n`)
  const key = /-/.test(name) ? `'${name}'` : name
  const entry = `  ${key}: async () => (await import('@selfsup/${name}')).definition,\n`
  const registry = read('packages/runs/src/registry.ts')
  if (!registry.includes(`'@selfsup/${name}'`)) {
    write(
      'packages/runs/src/registry.ts',
      registry.replace(/(methodPackages[\s\S]*?)(\n}\n)/, `$1\n${entry.trimEnd()}$2`),
    )
  }
}

// The order of imports and the breaks of lines depend on the name.
const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome')
const touched = [`packages/${name}`, 'tooling/layers/rows.ts', ...(part ? [] : ['packages/runs'])]
const { status, stderr } = spawnSync(process.execPath, [biome, 'check', '--write', ...touched], {
  cwd: root,
  encoding: 'utf8',
})
if (status !== 0) fail(`packages/${name} is made, but biome has something against it:\n${stderr}`)

console.log(`packages/${name} is made. Next: pnpm install, then pnpm exec vitest run packages/${name}/`)
