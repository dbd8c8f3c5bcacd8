import { SelfsupError } from '@selfsup/core'

/** A missing package: files of its formats are left out when a folder is opened. */
export class MissingPackage extends SelfsupError {
  constructor(
    readonly format: string,
    readonly packageName: string,
    cause: unknown,
  ) {
    super(`${format} files are read by the package ${packageName}, which is not installed`, {
      code: 'package-missing',
      fix: `run: npm install ${packageName}`,
      cause,
    })
  }
}

/**
 * Loads an optional package.
 * @throws MissingPackage if it is not installed
 */
export async function optionalPackage<T>(
  format: string,
  packageName: string,
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND')
      throw new MissingPackage(format, packageName, error)
    throw error
  }
}
