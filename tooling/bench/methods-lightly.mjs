// Results of lightly, measured once by methods-lightly.py and saved in methods-lightly.json.
import { readFileSync } from 'node:fs'

const results = JSON.parse(readFileSync(new URL('methods-lightly.json', import.meta.url), 'utf8'))
const rows = Object.entries(results)
  .filter(([name]) => name !== 'versions')
  .flatMap(([name, { knn, seconds }]) => [
    { case: `${name}, 3 epochs: kNN`, value: knn, unit: '%' }, // name and precision
    { case: `${name}, 3 epochs: training`, value: seconds, unit: 's' },
  ])
console.log(JSON.stringify({ engine: results.versions, rows }))
