// Runs TensorFlow.js's specs of its operations on an engine: pnpm conformance [tensorflow | webgpu] [TEXT in the specs' names]
// Exits with 1 if a spec fails that is not listed in known-failures.mjs or known-failures-webgpu.mjs.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import Jasmine from 'jasmine'
import { knownFailures } from './known-failures.mjs'
import { knownFailures as knownOnWebgpu } from './known-failures-webgpu.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const fromTensorflow = createRequire(join(root, 'packages/tensorflow/package.json'))
const core = dirname(fromTensorflow.resolve('@tensorflow/tfjs-core/package.json'))
const [engine, wanted = ''] = ['tensorflow', 'webgpu'].includes(process.argv[2] ?? '')
  ? process.argv.slice(2)
  : ['tensorflow', process.argv[2]]

const outfile = join(root, '.cache/conformance/specs.mjs')
await build({
  entryPoints: [fileURLToPath(new URL('specs.ts', import.meta.url))],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  logLevel: 'error',
  ignoreAnnotations: true, // the specs are side effects, although the package declares none
  plugins: [
    {
      name: 'core',
      /** @param {import('esbuild').PluginBuild} plugin */
      setup(plugin) {
        plugin.onResolve({ filter: /^@tensorflow\/tfjs-core/ }, ({ path }) => ({
          path: fromTensorflow.resolve(path.replace('@tensorflow/tfjs-core', core)),
        }))
      },
    },
  ],
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
})

/** Starts the native backend as it is, without kernels of Selfsup. */
async function loadNative() {
  await native.loadTensorflow()
}

/** Starts WebGPU with our kernels. Small tensors are computed on the device too. */
async function loadWebgpu() {
  /** @type {typeof import('@selfsup/engine')} */
  const { prepareEngine } = await import(pathToFileURL(join(root, 'packages/engine/dist/index.js')).href)
  const { description } = await prepareEngine({ engine: 'webgpu' })
  /** @type {typeof import('@tensorflow/tfjs-core')} */
  const tf = fromTensorflow('@tensorflow/tfjs-core')
  tf.env().set('WEBGPU_CPU_FORWARD', false)
  console.log(description)
}

/** @type {typeof import('@selfsup/tensorflow')} */
const native = await import(pathToFileURL(join(root, 'packages/tensorflow/dist/index.js')).href)
const mayFail =
  engine === 'webgpu'
    ? knownOnWebgpu
    : knownFailures.filter(({ gpu }) => !gpu || native.detectEnvironment(native.findTensorflow()).gpu)

const jasmine = new Jasmine()
jasmine.loadConfig({ random: false, helpers: [], spec_files: [] })
jasmine.exitOnCompletion = false
// Programs compile for seconds on a software adapter.
jasmine.jasmine.DEFAULT_TIMEOUT_INTERVAL = 60_000
jasmine.clearReporters()
/**
 * How often specs fail for each known reason.
 * @type {Map<typeof knownFailures[number], number>}
 */
const expectedly = new Map()
let unexpectedly = 0
let passed = 0
jasmine.addReporter({
  specDone({ status, fullName, failedExpectations }) {
    if (status === 'passed') {
      passed++
      if (passed % 100 === 0) console.log(`${passed} passed`) // on a software adapter it takes long
    }
    if (status !== 'failed') return
    const known = mayFail.find(({ specs }) => specs.some((text) => fullName.includes(text)))
    if (known) expectedly.set(known, (expectedly.get(known) ?? 0) + 1)
    else {
      unexpectedly++
      console.log(`FAILED ${fullName}\n    ${failedExpectations[0]?.message.split('\n')[0]}`)
    }
  },
})
jasmine.env.configure({ specFilter: (spec) => spec.getFullName().includes(wanted) })
/** @type {typeof import('./specs.js')} */
const { describeSpecs } = await import(pathToFileURL(outfile).href)
await describeSpecs(engine ?? '', engine === 'webgpu' ? loadWebgpu : loadNative)
await jasmine.execute()

for (const [{ reason }, count] of expectedly) console.log(`${count} known failures: ${reason}`)
const known = [...expectedly.values()].reduce((sum, count) => sum + count, 0)
console.log(`${passed} passed, ${unexpectedly} failed, ${known} known failures`)
process.exit(unexpectedly > 0 ? 1 : 0)
