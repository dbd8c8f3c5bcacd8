import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { SelfsupError } from '@selfsup/core'

/**
 * Path of a file that this package's build creates: next to the built package, also when running from the sources.
 * @throws SelfsupError if the package was not built
 */
export function builtFile(name: string): string {
  for (const place of [`./${name}`, `../dist/${name}`]) {
    const path = fileURLToPath(new URL(place, import.meta.url))
    if (existsSync(path)) return path
  }
  throw new SelfsupError(`@selfsup/report was not built: ${name} is missing; run its build`)
}
