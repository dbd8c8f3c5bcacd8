#!/usr/bin/env node
import { run } from './program.js'

// Who reads through `| head` goes away when it has enough: no reason for a trace. 141 is what shells call that.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(141)
  })

process.exitCode = await run(process.argv.slice(2))
