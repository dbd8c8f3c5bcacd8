import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build, type Plugin } from 'esbuild'

const packages = fileURLToPath(new URL('../../packages', import.meta.url))

/** A program as a bundler makes it for a browser. */
export interface Bundle {
  readonly code: string
  /** paths of the files that it contains */
  readonly inputs: readonly string[]
  /** bytes of the minified code, compressed with gzip */
  readonly gzipped: number
}

/** Packages that programs of a browser can contain. */
export const BROWSER_PACKAGES = ['losses', 'augment', 'backbones', 'simclr', 'train'] as const

/**
 * Bundles a program for a browser from the packages' sources, as the bundler of a web application does it: each package by its
 * entry for browsers, if it has one. A Node built-in cannot be resolved there.
 * @param options.external packages that stay outside
 * @throws if the program does not bundle
 */
export async function bundleForBrowser(
  contents: string,
  {
    external = [],
    minify = false,
    folder = 'train',
  }: { readonly external?: readonly string[]; readonly minify?: boolean; readonly folder?: string } = {},
): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: `${packages}/${folder}` },
    plugins: [sources],
    bundle: true,
    platform: 'browser',
    format: external.length > 0 ? 'esm' : 'iife',
    external: [...external],
    minify,
    metafile: true,
    write: false,
    logLevel: 'silent',
  })
  const code = outputFiles[0]!.text
  return { code, inputs: Object.keys(metafile.inputs), gzipped: gzipSync(code).length }
}

const sources: Plugin = {
  name: 'sources',
  setup(build) {
    const { external = [] } = build.initialOptions
    build.onResolve({ filter: /^@selfsup\// }, ({ path }) => {
      if (external.includes('@selfsup/*')) return { path, external: true }
      const [name, entry] = path.split('/').slice(1) as [string, string?]
      return { path: entryOf(name, entry), sideEffects: name === 'kernels' }
    })
  },
}

/** How much of what a package needs stays outside of its bundle. */
const outside = {
  code: ['@tensorflow/*', '@selfsup/*'],
  packages: ['@tensorflow/*'],
  everything: [],
} as const

/**
 * Everything that a package exports, minified.
 * @param what its own `code`, the code with the `packages` that it needs, or `everything`, TensorFlow.js too
 */
export function bundleOf(name: string, what: keyof typeof outside): Promise<Bundle> {
  const program =
    what === 'everything'
      ? `import * as all from '@selfsup/${name}'; globalThis.all = all`
      : `export * from '${entryOf(name)}'`
  return bundleForBrowser(program, { external: outside[what], minify: true, folder: name })
}

/** The file that bundlers take for a browser. */
function entryOf(name: string, entry?: string): string {
  const entries = (entry ? [entry] : ['browser', 'index']).map(
    (entry) => `${packages}/${name}/src/${entry}.ts`,
  )
  return entries.find((entry) => existsSync(entry))!
}

/** Packages with another entry for browsers than for Node. */
export function packagesWithBrowserEntry(): string[] {
  return readdirSync(packages).filter((name) => existsSync(`${packages}/${name}/src/browser.ts`))
}
