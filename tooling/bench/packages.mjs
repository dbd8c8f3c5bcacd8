// Built packages and what they build on, from a script that lies outside of them.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** One of ours, as built. */
export const load = (name) => import(new URL(`../../packages/${name}/dist/index.js`, import.meta.url).href)

/** A dependency, as one of ours sees it. */
export const bare = (name, from = 'cli') =>
  import(
    pathToFileURL(
      createRequire(new URL(`../../packages/${from}/package.json`, import.meta.url)).resolve(name),
    ).href
  )
