import { mkdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { writeLibraryRecord } from './library-record.js'
import { systemInstall, type Wheel } from './platform.js'
import { firstThatRuns, lastLine, type Program, runProgram } from './program.js'
import type { OnProgress } from './progress.js'
import type { BindingSources } from './sources.js'
import { verifyBinding } from './verify.js'

/**
 * Finds a C++ compiler that runs.
 * @param compiler the compiler to use; by default $CXX, c++, g++ and clang++ are tried
 * @throws SelfsupError if none runs
 */
export async function findCompiler(compiler?: string): Promise<Program> {
  const wanted = compiler ?? process.env.CXX
  const named: Program[] = wanted ? [wanted.trim().split(/\s+/) as unknown as Program] : []
  const candidates: Program[] = compiler ? named : [...named, ['c++'], ['g++'], ['clang++']]
  const found = await firstThatRuns(candidates)
  if (found) return found
  const tried = candidates.map((candidate) => candidate.join(' ')).join(', ')
  throw new SelfsupError(`no C++ compiler was found (tried ${tried})`, {
    code: 'install-failed',
    fix: `run: ${systemInstall('compiler')}`,
  })
}

/**
 * Compiles the binding next to the libraries. Then runs one operation of TensorFlow and one of ours with it in a
 * separate process. If both succeed, renames the result to `target`.
 * @param library folder of the unpacked wheel
 * @param target folder inside `library` for the two addons
 * @throws SelfsupError with a one-line message
 */
export async function compileBinding(
  compiler: Program,
  sources: BindingSources,
  wheel: Wheel,
  library: string,
  target: string,
  onProgress?: OnProgress,
): Promise<void> {
  // Next to the target, so that the addon's relative run path is valid before and after the rename.
  const folder = `${target}.${process.pid}.partial`
  await mkdir(folder, { recursive: true })
  try {
    onProgress?.({ stage: 'compile', message: `compiling the binding with ${compiler.join(' ')}` })
    const mac = process.platform === 'darwin'
    const include = [...sources.include, join(library, 'include')].flatMap((path) => ['-I', path])
    const common = ['-std=c++17', '-DNAPI_VERSION=8', '-fPIC', ...include]
    if (mac) common.push('-undefined', 'dynamic_lookup')
    const link = wheel.libraries.map((name) => join(library, name))
    const runPath = `-Wl,-rpath,${mac ? '@loader_path' : '$ORIGIN'}/..`
    const object = (source: string) => join(folder, `${basename(source)}.o`)
    await compile(compiler, ['-shared', ...common, sources.process, '-o', join(folder, 'process.node')])
    const compileAll = (more: readonly string[]) =>
      Promise.all(
        sources.selfsup.map((source) =>
          compile(compiler, ['-c', ...FAST, ...more, ...common, source, '-o', object(source)]),
        ),
      )
    // Assemblers before binutils 2.36 do not know the instructions of AMX, whatever the compiler.
    await compileAll([]).catch((error) =>
      compileAll(['-DSELFSUP_NO_MATRICES']).catch(() => {
        throw error
      }),
    )
    const objects = sources.selfsup.map(object)
    await compile(compiler, [
      '-shared',
      ...common,
      ...objects,
      ...link,
      runPath,
      '-o',
      join(folder, 'selfsup.node'),
    ])
    await Promise.all(objects.map((file) => rm(file)))
    onProgress?.({ stage: 'verify', message: 'running one operation' })
    await verifyBinding(folder)
    await writeLibraryRecord(folder, ['process.node', 'selfsup.node'])
    await rename(folder, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error // another process was first
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Vectorises loops; none of these flags changes results. */
const FAST = ['-O3', '-fno-math-errno', '-fno-trapping-math', '-fopenmp-simd', '-Wno-psabi']

async function compile(compiler: Program, args: readonly string[]): Promise<void> {
  const [command, ...first] = compiler
  const outcome = await runProgram(command, [...first, ...args])
  if (outcome.code === 0) return
  const error = outcome.output.split('\n').find((line) => /error/i.test(line)) ?? lastLine(outcome.output)
  if (/No space left on device/i.test(outcome.output)) {
    throw new SelfsupError('the disk is too full to compile the binding', {
      code: 'install-failed',
      fix: 'free disk space or set SELFSUP_CACHE to a folder on a larger disk',
    })
  }
  throw new SelfsupError(
    `${compiler.join(' ')} could not compile the binding (${error.trim().slice(0, 200)})`,
    { code: 'install-failed', fix: 'set CXX to a compiler that supports C++17' },
  )
}
