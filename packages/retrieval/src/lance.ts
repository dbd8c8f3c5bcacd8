import { SelfsupError } from '@selfsup/core'

/** The database and its row format. */
export interface Lance {
  readonly lancedb: typeof import('@lancedb/lancedb')
  readonly arrow: typeof import('apache-arrow')
}

/** The command that installs both. */
const INSTALL = 'npm install @lancedb/lancedb apache-arrow@18'

/**
 * Loads LanceDB on demand, because its native library is large.
 * @throws SelfsupError if it is not installed, with the install command; or if it has no library for this platform
 */
export async function loadLance(load: () => Promise<Lance> = importLance): Promise<Lance> {
  try {
    return await load()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const itself = /'(@lancedb\/lancedb|apache-arrow)'/.test(message)
    if (code === 'ERR_MODULE_NOT_FOUND' && itself)
      throw new SelfsupError('an image index needs LanceDB, which is not installed', {
        code: 'package-missing',
        fix: `run: ${INSTALL}`,
      })
    throw new SelfsupError(
      `LanceDB cannot be loaded on ${process.platform} ${process.arch} with Node ${process.versions.node}: ${message.split('\n')[0]!.replace(/\.$/, '')}. npm installs it as an optional dependency for Linux and Windows (x64, arm64) and macOS (arm64)`,
      {
        code: 'unsupported',
        fix: 'on other platforms, write the features to a file and search them with your own program',
      },
    )
  }
}

async function importLance(): Promise<Lance> {
  const [lancedb, arrow] = await Promise.all([import('@lancedb/lancedb'), import('apache-arrow')])
  return { lancedb, arrow }
}
