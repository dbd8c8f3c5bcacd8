import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Path of Chromium: $SELFSUP_CHROMIUM or the first one found on the PATH; undefined if there is none. */
export const chromiumPath = [
  process.env.SELFSUP_CHROMIUM,
  ...['chromium', 'chromium-browser', 'google-chrome'].flatMap((name) =>
    process.env.PATH!.split(delimiter).map((folder) => join(folder, name)),
  ),
].find((path) => path && existsSync(path))
