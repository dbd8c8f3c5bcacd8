// Checks the types of all packages, their tests, the examples and the documentation in one program, and writes the packages' type
// declarations next to the built JavaScript. tsup would read TensorFlow.js's types again for each package.
//   node tooling/types/types.mjs
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../..', import.meta.url))
const options = { noEmit: false, declaration: true, emitDeclarationOnly: true, outDir: root }

const parsed = ts.getParsedCommandLineOfConfigFile(join(root, 'tooling/tsconfig/packages.json'), options, {
  ...ts.sys,
  onUnRecoverableConfigFileDiagnostic: (diagnostic) => fail([diagnostic]),
})
if (!parsed) throw new Error('tooling/tsconfig/packages.json cannot be read')
const program = ts.createProgram(parsed.fileNames, parsed.options)
const wrong = ts.getPreEmitDiagnostics(program)
if (wrong.length > 0) fail(wrong)

/** Declarations of the code that is published: those that the entries lead to. */
const texts = new Map()
const { diagnostics } = program.emit(undefined, (name, text) => {
  const published = /^packages\/([^/]+)\/src\/(.*\.d\.ts)$/.exec(relative(root, name).split(sep).join('/'))
  if (published) texts.set(join(root, 'packages', published[1] ?? '', 'dist', published[2] ?? ''), text)
})
if (diagnostics.length > 0) fail(diagnostics)

for (const name of readdirSync(join(root, 'packages'))) {
  const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
  if (manifest.private) continue
  const declared = [manifest.name, ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })]
  const dist = join(root, 'packages', name, 'dist')
  removeDeclarations(dist)
  const others = ['browser.d.ts', 'losses.d.ts'].map((file) => join(dist, file))
  const waiting = [join(dist, 'index.d.ts'), ...others.filter((file) => texts.has(file))]
  const written = new Set(waiting)
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    const text = texts.get(file)
    if (text === undefined) throw new Error(`${file} is missing: its package has no such source`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    for (const { fileName } of ts.preProcessFile(text).importedFiles) {
      if (!fileName.startsWith('.')) {
        if (
          !fileName.startsWith('node:') &&
          !declared.some((other) => `${fileName}/`.startsWith(`${other}/`))
        )
          throw new Error(`${file} names ${fileName}, on which its package does not depend; state the type`)
        continue
      }
      const next = join(dirname(file), fileName.replace(/\.js$/, '.d.ts'))
      // A type that TypeScript can only name by a file of another package would not be found once both are installed.
      if (!next.startsWith(dist + sep))
        throw new Error(`${file} names a file of another package: ${fileName}; state the type`)
      if (written.has(next)) continue
      written.add(next)
      waiting.push(next)
    }
  }
}

/** @param {string} folder of build outputs */
function removeDeclarations(folder) {
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    if (entry.endsWith('.d.ts')) rmSync(join(folder, entry))
}

/**
 * @param {readonly ts.Diagnostic[]} diagnostics
 * @returns {never}
 */
function fail(diagnostics) {
  console.error(
    ts.formatDiagnosticsWithColorAndContext(diagnostics, {
      getCanonicalFileName: (name) => name,
      getCurrentDirectory: () => root,
      getNewLine: () => '\n',
    }),
  )
  process.exit(1)
}
