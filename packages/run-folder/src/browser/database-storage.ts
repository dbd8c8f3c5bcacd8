import { SelfsupError } from '@selfsup/core'
import { type DBSchema, type IDBPDatabase, openDB } from 'idb'
import type { RunStorage } from '../storage.js'

/** Of the browser; the types of Node do not have it. */
declare const IDBKeyRange: { bound(low: string, high: string, lowOpen: boolean, highOpen: boolean): never }

interface Files extends DBSchema {
  files: { key: string; value: Uint8Array<ArrayBuffer> }
}

/**
 * Runs as files in a database of the browser (IndexedDB), which stays when the page is closed. Writes are transactions: complete
 * and on disk, or not there.
 * @param name of the database; the same name is the same database for all pages of the site
 */
export function databaseStorage(name = 'selfsup-runs'): RunStorage {
  let opened: Promise<IDBPDatabase<Files>> | undefined
  const database = () => {
    opened ??= openDB<Files>(name, 1, {
      upgrade: (created) => void created.createObjectStore('files'),
      terminated() {
        opened = undefined
      },
    }).catch((error: Error) => {
      opened = undefined
      throw new SelfsupError(`the browser's database can't be opened: ${error.message}`, {
        code: 'write-failed',
        fix: 'allow this site to store data; private windows of some browsers do not',
      })
    })
    return opened
  }
  const inside = (folder: string) => IDBKeyRange.bound(`${folder}/`, `${folder}0`, false, true) // 0 follows the slash

  /** Replaces a file by what `change` makes of it, in one transaction. */
  async function changed(
    path: string,
    change: (before: Uint8Array<ArrayBuffer> | undefined) => Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    const transaction = (await database()).transaction('files', 'readwrite', { durability: 'strict' })
    const { store } = transaction
    await store.put(change(await store.get(path)), path)
    await transaction.done
  }

  return {
    join: (...names) => names.join('/'),
    nameOf: (path) => path.slice(path.lastIndexOf('/') + 1),
    shown: (path) => path,
    makeFolder: async () => {},
    has: async (path) => (await (await database()).getKey('files', path)) !== undefined,
    async list(folder) {
      const keys = await (await database()).getAllKeys('files', inside(folder))
      return [...new Set(keys.map((key) => key.slice(folder.length + 1).split('/')[0]!))]
    },
    async open(path) {
      const bytes = await (await database()).get('files', path)
      if (!bytes) throw new SelfsupError(`${path} does not exist`, { code: 'not-found', path })
      return {
        size: bytes.length,
        async read(target, position, ended) {
          const part = bytes.subarray(position, position + target.length)
          if (part.length < target.length) throw new SelfsupError(ended, { code: 'damaged-file' })
          target.set(part)
        },
        close: async () => {},
      }
    },
    write: (path, parts) => changed(path, () => joined(parts)),
    append: (path, data) => changed(path, (before) => joined(before ? [before, data] : [data])),
    cut: (path, bytes) => changed(path, (before) => (before ?? new Uint8Array()).slice(0, bytes)),
    async remove(path) {
      const transaction = (await database()).transaction('files', 'readwrite')
      await Promise.all([transaction.store.delete(path), transaction.store.delete(inside(path))])
      await transaction.done
    },
    removeUnfinished: async () => {}, // a transaction leaves nothing behind
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
