import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { SelfsupError } from '@selfsup/core'

/**
 * Where a file lies that the package's build made: beside the built package, also when that runs from its sources.
 * @throws SelfsupError when it was not built
 */
export function builtFile(name: string): string {
  for (const place of [`./${name}`, `../dist/${name}`]) {
    const path = fileURLToPath(new URL(place, import.meta.url))
    if (existsSync(path)) return path
  }
  throw new SelfsupError(`@selfsup/report was not built: ${name} is missing; run its build`)
}
