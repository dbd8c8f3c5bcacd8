// Settings of methods compared on a validation split of CIFAR-10's training images: no test image is used, so that defaults can be chosen by
// the results. Each case is `selfsup pretrain` with the four-layer ConvNet, and kNN and linear probe on the validation part. Results are
// saved in .cache/bench-methods, so that the benchmark can be interrupted; delete it to start again. SELFSUP_METHODS=byol,simclr runs only
// those methods, SELFSUP_EPOCHS=30 trains for longer (default 10); saved results of that length are always shown.
import { fileURLToPath } from 'node:url'
import { validationSplit } from './cifar.mjs'
import { measuredMethod } from './measured-method.mjs'
import { trials } from './method-settings.mjs'
import { prepared, quick, report, required } from './packages.mjs'

const only = process.env.SELFSUP_METHODS?.split(',')
const epochs = Number(process.env.SELFSUP_EPOCHS) || (quick ? 2 : 10)
const parts = fileURLToPath(new URL(`../../.cache/${quick ? 'quick-' : ''}validation-split`, import.meta.url))
const images = validationSplit(required('SELFSUP_CIFAR10'), parts)
/** @type {import('./built.js').Row[]} */
const rows = []
for (const [name, settings] of Object.entries(trials)) {
  const asked = !only || only.includes(settings.method)
  const found = await measuredMethod(`validation, ${name}`, { ...settings, epochs, images, asked })
  if (!found) continue
  const { knn = Number.NaN, linear = Number.NaN } = found.results[0] ?? {}
  rows.push(
    { case: `${name}, ${epochs} epochs: kNN`, value: 100 * knn, unit: '%' },
    { case: `${name}, ${epochs} epochs: linear probe`, value: 100 * linear, unit: '%' },
  )
}
report(await prepared(), rows)
process.exit()
