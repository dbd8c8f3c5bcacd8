import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readers } from './readers.js'

/** One input: the reader, and the folder and name under which to write the file. */
export interface Task {
  readonly reader: string
  readonly name: string
  readonly folder: string
  /** base64 */
  readonly content: string
}

export type Outcome =
  | { readonly kind: 'read' | 'refused' }
  | { readonly kind: 'bug'; readonly message: string }

async function run({ reader, name, folder, content }: Task): Promise<Outcome> {
  const { read, neighbours } = readers[reader]!
  const bytes = Buffer.from(content, 'base64')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  for (const [path, whole] of Object.entries({
    ...(await neighbours?.call(readers[reader]!)),
    [name]: bytes,
  })) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), whole)
  }
  try {
    await read(folder, name, bytes)
    return { kind: 'read' }
  } catch (error) {
    if (error instanceof Error && error.name === 'SelfsupError' && error.message !== '')
      return { kind: 'refused' }
    return { kind: 'bug', message: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

// Warnings of TensorFlow.js and other libraries would mix with the report.
console.warn = console.log = () => {}
process.on('message', async (task: Task) => process.send!(await run(task)))
process.on('unhandledRejection', (error) => {
  process.send!({
    kind: 'bug',
    message: `unhandled rejection: ${error instanceof Error ? error.stack : error}`,
  })
})
process.send!({ kind: 'ready' })
