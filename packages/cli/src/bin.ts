#!/usr/bin/env node
import { availableParallelism } from 'node:os'
import { commandOfThread, endThread, runOnThread } from './command-thread.js'
import { run } from './program.js'

// Images are decoded on libuv's threads: four by default, unless this is set before the first starts. Node 20 has already started them.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism()))

// A closed terminal refuses what is printed (EIO); a run that trains still has to save its last step.
// `| head` closes the pipe when it has read enough. That is not an error: exit with 141, as shells do for SIGPIPE.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EIO') return
    if (error.code !== 'EPIPE') throw error
    process.exit(141)
  })

const onThread = commandOfThread()
if (onThread) endThread(await run(onThread))
else
  process.exitCode = await run(process.argv.slice(2), {
    onThread: (args) => runOnThread(new URL(import.meta.url), args),
  })
