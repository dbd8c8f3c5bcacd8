/** The house, top to bottom: a package imports from rows below its own, never from its own or from above. */
export const rows: readonly (readonly string[])[] = [
  ['cli', 'playground'],
  ['runs'],
  ['train', 'evaluation', 'report', 'retrieval', 'advise', 'export', 'pretrained'],
  [
    'simclr',
    'moco',
    'byol',
    'barlow-twins',
    'iic',
    'cpc',
    'metric-learning',
    'pretext',
    'generative',
    'diet',
    'distillation',
  ],
  // `engine` is in the same layer as the parts, which must not import it: they also work with plain TensorFlow.js and in browsers.
  ['augment', 'backbones', 'losses', 'optim', 'data', 'engine'],
  ['run-folder'],
  ['kernels', 'tensorflow'],
  ['core'],
]

/** Engines may be started by any test. */
const forTests = new Set(['engine', 'tensorflow'])

/** What a package's build takes into its bundle, so that users do not install it. */
const bundled: Readonly<Record<string, readonly string[]>> = {
  tensorflow: ['@tensorflow/tfjs-node'],
  report: ['preact', 'uplot'],
}

/** What the check looks at of a package. */
export interface PackageFacts {
  /** name of its folder */
  readonly folder: string
  readonly manifest: {
    readonly name?: string
    readonly private?: boolean
    readonly dependencies?: Readonly<Record<string, string>>
    readonly peerDependencies?: Readonly<Record<string, string>>
    readonly devDependencies?: Readonly<Record<string, string>>
    readonly [field: string]: unknown
  }
  /** what each source file imports, by path */
  readonly imports: readonly { readonly file: string; readonly specifier: string }[]
  /** names of the files in the folder and in src */
  readonly files: readonly string[]
}

/** Entries of packages in addition to the packages themselves. */
const entries = ['@selfsup/kernels/losses']

/** All violations of the rules by a package, in words; empty if there are none. */
export function problemsOf({ folder, manifest, imports, files }: PackageFacts): string[] {
  const problems: string[] = []
  const row = rows.findIndex((names) => names.includes(folder))
  if (row < 0) return [`packages/${folder} has no place in tooling/layers/rows.ts`]
  const below = new Set(rows.slice(row + 1).flat())
  // A private package ships nothing: its build takes everything in.
  const { private: isPrivate } = manifest
  const shipped = {
    ...manifest.dependencies,
    ...manifest.peerDependencies,
    ...(isPrivate && manifest.devDependencies),
  }
  const declared = { ...shipped, ...manifest.devDependencies }
  for (const name of Object.keys(shipped)) {
    const other = packageOf(name)
    if (other && !below.has(other))
      problems.push(`packages/${folder}/package.json depends on ${name}, which is not below it`)
  }
  for (const { file, specifier } of imports) {
    const isTest = /\.test\.ts$|\/fixtures\//.test(file)
    const name = specifier.startsWith('@')
      ? specifier.split('/').slice(0, 2).join('/')
      : specifier.split('/')[0]!
    if (specifier.startsWith('.') || specifier.startsWith('node:') || name === 'vitest') continue
    const other = packageOf(name)
    if (other && specifier !== name && !entries.includes(specifier))
      problems.push(`${file} imports ${specifier}: only ${name} itself may be imported`)
    if (other && !below.has(other) && !(isTest && forTests.has(other)))
      problems.push(`${file} imports ${name}, which is not below ${folder}`)
    const inside = bundled[folder]?.includes(name) && name in declared
    if (!inside && !(name in (isTest ? declared : shipped)) && name !== manifest.name) {
      problems.push(`${file} imports ${name}, which packages/${folder}/package.json does not declare`)
    }
  }
  const published = ['exports', 'files', 'engines']
  for (const field of ['description', 'license', 'type', 'scripts', ...(isPrivate ? [] : published)]) {
    if (!(field in manifest)) problems.push(`packages/${folder}/package.json has no ${field}`)
  }
  if (!files.includes('README.md')) problems.push(`packages/${folder} has no README.md`)
  if (!files.some((file) => file.endsWith('.test.ts'))) problems.push(`packages/${folder} has no test`)
  return problems
}

/** The folder of one of our packages by its published name. */
function packageOf(name: string): string | undefined {
  if (name === 'selfsup') return 'cli'
  return name.startsWith('@selfsup/') ? name.split('/')[1] : undefined
}

/** What a source text imports, statically, dynamically, or for its types. */
export function importsOf(text: string): string[] {
  // Examples in comments do not count.
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  const patterns = [/\bfrom\s+'([^'\n]+)'/g, /^\s*import\s+'([^'\n]+)'/gm, /\bimport\(\s*'([^'\n]+)'\s*\)/g]
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]!))
}
