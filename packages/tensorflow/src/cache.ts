import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/**
 * The folder for downloaded files: $SELFSUP_CACHE, otherwise $XDG_CACHE_HOME/selfsup, otherwise the platform's default
 * (~/.cache/selfsup, on macOS ~/Library/Caches/selfsup, on Windows %LOCALAPPDATA%\selfsup).
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env, platform = process.platform): string {
  if (env.SELFSUP_CACHE) return resolve(env.SELFSUP_CACHE)
  if (env.XDG_CACHE_HOME) return resolve(env.XDG_CACHE_HOME, 'selfsup')
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'selfsup')
  if (platform === 'win32' && env.LOCALAPPDATA) return join(env.LOCALAPPDATA, 'selfsup')
  return join(homedir(), '.cache', 'selfsup')
}
