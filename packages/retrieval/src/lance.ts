import { SelfsupError } from '@selfsup/core'

/** The database and the format of its rows, as far as they are used here. */
export interface Lance {
  readonly lancedb: typeof import('@lancedb/lancedb')
  readonly arrow: typeof import('apache-arrow')
}

/** How both are brought where they are missing. */
const INSTALL = 'npm install @lancedb/lancedb apache-arrow@18'

/**
 * LanceDB, brought into the process when it is first asked for: nobody else pays for its native library.
 * @throws SelfsupError when it is not installed, with the command; or when it has no library for this platform
 */
export async function loadLance(bring: () => Promise<Lance> = bringLance): Promise<Lance> {
  try {
    return await bring()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const itself = /'(@lancedb\/lancedb|apache-arrow)'/.test(message)
    if (code === 'ERR_MODULE_NOT_FOUND' && itself)
      throw new SelfsupError('An index of images needs LanceDB, which is not installed', {
        code: 'package-missing',
        fix: `run: ${INSTALL}`,
      })
    throw new SelfsupError(
      `LanceDB cannot be loaded on ${process.platform} ${process.arch} with Node ${process.versions.node}: ${message.split('\n')[0]!.replace(/\.$/, '')}. It comes for Linux and Windows (x64, arm64) and macOS (arm64), with npm's optional dependencies`,
      {
        code: 'unsupported',
        fix: 'on other platforms write the features to a file and search them with a program of your own',
      },
    )
  }
}

async function bringLance(): Promise<Lance> {
  const [lancedb, arrow] = await Promise.all([import('@lancedb/lancedb'), import('apache-arrow')])
  return { lancedb, arrow }
}
