// The command line, for crash.mjs, which kills it.
import { run } from '../../packages/cli/src/program.js'

process.exitCode = await run(process.argv.slice(2))
