import type { PickedFile } from '../messages.js'
import type { Send } from './use-worker.js'

/** Files that are sent to the worker at a time: copying one takes up to 0.2 ms. */
const AT_ONCE = 100

/** Gives the worker the files of an input element, with their paths if a folder was chosen, in parts that do not block the page. */
export function sendPicked(send: Send, list: FileList): Promise<void> {
  return sendInParts(send, [...list], (file) => ({ path: file.webkitRelativePath || file.name, file }))
}

/** Gives the worker all files that were dropped. */
export async function sendDropped(send: Send, transfer: DataTransfer): Promise<void> {
  await sendInParts(send, await droppedFiles(transfer), (file) => file)
}

async function sendInParts<T>(send: Send, all: readonly T[], picked: (of: T) => PickedFile): Promise<void> {
  let start = 0
  for (; all.length - start > AT_ONCE; start += AT_ONCE) {
    send({ type: 'files', files: all.slice(start, start + AT_ONCE).map(picked), first: start === 0 })
    await new Promise((resolve) => setTimeout(resolve))
  }
  send({ type: 'open', files: all.slice(start).map(picked) })
}

/** All files that were dropped, those in folders too. */
async function droppedFiles(transfer: DataTransfer): Promise<PickedFile[]> {
  // The entries must be taken before the first wait: the list is empty afterwards.
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? [])
  const files: PickedFile[] = []
  for (const entry of entries) await collect(entry, files)
  return files
}

async function collect(entry: FileSystemEntry, files: PickedFile[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    )
    files.push({ path: entry.fullPath.replace(/^\//, ''), file })
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  while (true) {
    // A reader returns up to 100 entries at a time.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    )
    if (some.length === 0) return
    for (const inner of some) await collect(inner, files)
  }
}
