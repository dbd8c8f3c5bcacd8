#!/usr/bin/env node
import { availableParallelism } from 'node:os'
import { run } from './program.js'

// Images are decoded on libuv's threads, four unless told before the first is started; Node 20 has started them here.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism()))

// Who reads through `| head` goes away when it has enough: no reason for a trace. 141 is what shells call that.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(141)
  })

process.exitCode = await run(process.argv.slice(2))
