// Looks at every package as npm would get it: node tooling/release/check.mjs
// Packs, checks file list, protocols, publint and types; then installs one single package into an empty project.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'selfsup-release-'))
const problems = []

function run(command, args, cwd = root) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 })
  return { ok: status === 0, text: `${stdout}${stderr}`.trim() }
}

function expectThat(condition, problem) {
  if (!condition) problems.push(problem)
}

const tarballs = {}
for (const folder of readdirSync(join(root, 'packages'))) {
  const path = join(root, 'packages', folder)
  const { name } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'))
  const packed = run('pnpm', ['pack', '--json', '--pack-destination', scratch], path)
  if (!packed.ok) {
    problems.push(`${name}: pnpm pack failed: ${packed.text}`)
    continue
  }
  const { filename, files } = JSON.parse(packed.text.slice(packed.text.indexOf('{')))
  tarballs[name] = filename
  const names = files.map((file) => file.path)
  for (const needed of ['package.json', 'README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts']) {
    expectThat(names.includes(needed), `${name}: the tarball lacks ${needed}`)
  }
  for (const file of names)
    expectThat(!/\.test\.|^src\/|fixtures/.test(file), `${name}: the tarball holds ${file}`)
  const manifest = run('tar', ['-xOf', filename, 'package/package.json']).text
  expectThat(
    !/"(workspace|catalog):/.test(manifest),
    `${name}: workspace: or catalog: in the packed package.json`,
  )
  const lint = run(join(root, 'node_modules/.bin/publint'), ['run', filename, '--strict'])
  expectThat(lint.ok, `${name}: publint: ${lint.text.split('\n').slice(-8).join('\n')}`)
  const types = run(join(root, 'node_modules/.bin/attw'), [filename, '--profile', 'esm-only', '--no-color'])
  expectThat(types.ok, `${name}: are the types wrong: ${types.text.split('\n').slice(-25).join('\n')}`)
  console.log(`${name}: ${names.length} files`)
}

// One package alone, with nothing but what it names, in a project of its own.
const project = join(scratch, 'project')
mkdirSync(project)
const file = (name) => `file:${tarballs[name]}`
const ours = Object.fromEntries(Object.keys(tarballs).map((name) => [name, file(name)]))
writeFileSync(
  join(project, 'package.json'),
  JSON.stringify({
    type: 'module',
    dependencies: {
      '@selfsup/losses': ours['@selfsup/losses'],
      '@tensorflow/tfjs-core': '4.22.0',
      '@tensorflow/tfjs-layers': '4.22.0',
      '@tensorflow/tfjs-backend-cpu': '4.22.0',
    },
    devDependencies: { typescript: '5.9.3' },
    overrides: Object.fromEntries(Object.entries(ours).filter(([name]) => name !== '@selfsup/losses')),
  }),
)
const source = `import { ntXent } from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers'
import '@tensorflow/tfjs-backend-cpu'
await tf.setBackend('cpu')
const z: tf.Tensor2D = tf.eye(4)
console.log(ntXent(z, z).dataSync()[0])
`
writeFileSync(join(project, 'index.ts'), source)
writeFileSync(join(project, 'index.js'), source.replace(': tf.Tensor2D', ''))
const installed = run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], project)
expectThat(installed.ok, `installing @selfsup/losses alone: ${installed.text}`)
const ran = run(process.execPath, ['index.js'], project)
// Two equal views of four orthogonal vectors at temperature 0.5: log(e^2 + 6) - 2.
const value = Number(/^[\d.]+$/m.exec(ran.text)?.[0])
expectThat(
  Math.abs(value - (Math.log(Math.exp(2) + 6) - 2)) < 1e-5,
  `@selfsup/losses alone does not run: ${ran.text}`,
)
for (const [module, moduleResolution] of [
  ['node16', 'node16'],
  ['esnext', 'bundler'],
]) {
  const compiled = run(
    join(project, 'node_modules/.bin/tsc'),
    [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--target',
      'es2022',
      '--module',
      module,
      '--moduleResolution',
      moduleResolution,
      'index.ts',
    ],
    project,
  )
  expectThat(compiled.ok, `types of @selfsup/losses with ${moduleResolution}: ${compiled.text}`)
}

rmSync(scratch, { recursive: true })
for (const problem of problems) console.error(`\n${problem}`)
console.log(problems.length === 0 ? 'All packages are fit to be published' : `\n${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
