// Runs programs one after the other in one process, in which TensorFlow.js is loaded once: each message names a program and the folder in
// which it runs, each answer says what it threw.
import { pathToFileURL } from 'node:url'

process.on('message', async (/** @type {{ script: string, cwd: string }} */ { script, cwd }) => {
  process.chdir(cwd)
  for (const name of ['TMPDIR', 'TMP', 'TEMP']) process.env[name] = cwd
  const error = await import(pathToFileURL(script).href).then(
    () => undefined,
    (thrown) => String(thrown?.stack ?? thrown),
  )
  process.send?.({ error })
})
