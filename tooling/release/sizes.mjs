import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/**
 * @param {number} bytes
 * @returns {string} such as `12 kB` or `1.3 MB`
 */
export const size = (bytes) =>
  bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`

/**
 * @param {string} tarball path of a packed package
 * @returns {{ packed: number, unpacked: number }} in bytes
 */
export function sizesOf(tarball) {
  return { packed: statSync(tarball).size, unpacked: gunzipSync(readFileSync(tarball)).length }
}

/**
 * @param {string} folder
 * @returns {number} bytes of all files in it
 */
export function sizeOfFolder(folder) {
  return readdirSync(folder, { recursive: true })
    .map((path) => lstatSync(join(folder, String(path))))
    .filter((stats) => stats.isFile())
    .reduce((sum, stats) => sum + stats.size, 0)
}
