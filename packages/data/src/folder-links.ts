import { realpath, stat } from 'node:fs/promises'
import { relative, sep } from 'node:path'

/** Decides which folders to list, so that links do not lead in circles. */
export interface Links {
  /** Called when the files of a folder have been listed. @returns rules for its subfolders, or undefined to list none */
  enter(folder: string): Promise<Links | undefined>
  /** Whether to list a subfolder. */
  follows(folder: string, isLink: boolean): Promise<boolean>
}

async function keyOf(folder: string): Promise<string> {
  const { dev, ino } = await stat(folder)
  return `${dev}:${ino}`
}

/** Lists every folder once. A link to a folder that is listed anyway, at its real place, is not followed. */
export class LinksOnce implements Links {
  readonly #seen = new Set<string>()

  /** @param root real path of the folder that is listed */
  constructor(readonly root: string) {}

  async enter(folder: string): Promise<Links> {
    this.#seen.add(await keyOf(folder))
    return this
  }

  async follows(folder: string, isLink: boolean): Promise<boolean> {
    if (this.#seen.has(await keyOf(folder))) return false
    if (!isLink) return true
    const path = relative(this.root, await realpath(folder))
    const isInside = path !== '..' && !path.startsWith(`..${sep}`)
    return !isInside || path.split(sep).some((name) => name.startsWith('.'))
  }
}

/** As before runs saved how images were read: only a link to a folder above is not followed. */
export class FormerLinks implements Links {
  constructor(readonly above: ReadonlySet<string> = new Set()) {}

  async enter(folder: string): Promise<Links | undefined> {
    const key = await keyOf(folder)
    return this.above.has(key) ? undefined : new FormerLinks(new Set([...this.above, key]))
  }

  async follows(): Promise<boolean> {
    return true
  }
}
