import { readFileSync, writeFileSync } from 'node:fs'
import { BROWSER_PACKAGES, bundleOf } from './bundle.js'

// Writes the table of sizes into the guide: pnpm sizes
const page = new URL('../../docs/pages/guide/browser.md', import.meta.url)
const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`
const rows: string[] = []
for (const name of BROWSER_PACKAGES) {
  const sizes: string[] = []
  for (const what of ['code', 'packages', 'everything'] as const)
    sizes.push(kilobytes((await bundleOf(name, what)).gzipped))
  rows.push(`| \`@selfsup/${name}\` | ${sizes.join(' | ')} |`)
}
const table = [
  '| package | its own code | with its packages | with TensorFlow.js |',
  '| --- | --- | --- | --- |',
  ...rows,
].join('\n')
const text = readFileSync(page, 'utf8')
writeFileSync(page, text.replace(/(<!-- sizes -->\n)[\s\S]*?(<!-- end of sizes -->)/, `$1${table}\n$2`))
console.log(table)
