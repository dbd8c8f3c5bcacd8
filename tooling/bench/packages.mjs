// Built packages and what they build on, from a script that lies outside of them.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** One of ours, as built. */
export const load = (name) => import(new URL(`../../packages/${name}/dist/index.js`, import.meta.url).href)

/** A dependency, as the packages see it. */
export const bare = (name) =>
  import(
    pathToFileURL(createRequire(new URL('../../packages/cli/package.json', import.meta.url)).resolve(name))
      .href
  )
