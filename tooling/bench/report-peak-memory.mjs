// Loaded into a program by NODE_OPTIONS: writes its peak resident memory, in MB, to $SELFSUP_PEAK_MEMORY on exit.
import { writeFileSync } from 'node:fs'
import { required } from './packages.mjs'

process.on('exit', () => {
  writeFileSync(required('SELFSUP_PEAK_MEMORY'), `${process.resourceUsage().maxRSS / 1024}`)
})
