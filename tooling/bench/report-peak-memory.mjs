// Loaded into a program by NODE_OPTIONS: writes its highest resident memory, in MB, to $SELFSUP_PEAK_MEMORY as it ends.
import { writeFileSync } from 'node:fs'
import { required } from './packages.mjs'

process.on('exit', () => {
  writeFileSync(required('SELFSUP_PEAK_MEMORY'), `${process.resourceUsage().maxRSS / 1024}`)
})
