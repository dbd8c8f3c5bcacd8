import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Chromium as $SELFSUP_CHROMIUM names it, or as it is found on the PATH; undefined without one. */
export const chromiumPath = [
  process.env.SELFSUP_CHROMIUM,
  ...['chromium', 'chromium-browser', 'google-chrome'].flatMap((name) =>
    process.env.PATH!.split(delimiter).map((folder) => join(folder, name)),
  ),
].find((path) => path && existsSync(path))
