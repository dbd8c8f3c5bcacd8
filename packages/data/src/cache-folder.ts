import { homedir } from 'node:os'
import { join } from 'node:path'

/** Folder for decoded images: `images` in $SELFSUP_CACHE or, if that is not set, in `selfsup` of the user's cache folder. */
export function imageCacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.SELFSUP_CACHE) return join(env.SELFSUP_CACHE, 'images')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'selfsup', 'images')
  if (process.platform === 'win32' && env.LOCALAPPDATA) return join(env.LOCALAPPDATA, 'selfsup', 'images')
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'selfsup', 'images')
}
