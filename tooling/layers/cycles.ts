import { posix } from 'node:path'
import { importsOf } from './rows.js'

/**
 * Cycles of imports between the files of one package; imports of types count too.
 *
 * @param files the text of each source file, by its path within the package, such as `src/index.ts`
 * @returns each cycle as `a.ts > b.ts > a.ts`: one for each group of files that import one another
 */
export function cyclesOf(files: ReadonlyMap<string, string>): string[] {
  const imports = new Map([...files].map(([path, text]) => [path, targetsOf(path, text, files)]))
  const cycles: string[] = []
  const finished = new Set<string>()
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path)
    if (start >= 0) cycles.push([...trail.slice(start), path].join(' > '))
    if (start >= 0 || finished.has(path)) return
    for (const next of imports.get(path)!) visit(next, [...trail, path])
    finished.add(path)
  }
  for (const path of [...imports.keys()].sort()) visit(path, [])
  return cycles
}

/** The files of the package that a file imports. */
function targetsOf(path: string, text: string, files: ReadonlyMap<string, string>): string[] {
  return importsOf(text)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.join(posix.dirname(path), specifier).replace(/\.js$/, ''))
    .flatMap((base) => [`${base}.ts`, `${base}.tsx`].filter((candidate) => files.has(candidate)))
}
