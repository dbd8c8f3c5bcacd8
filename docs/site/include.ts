import { readText } from './repository.js'

/**
 * Replaces lines `<!-- include PATH#heading -->` by the part of a file of the repository below that heading, so that a text
 * stands once. Without a heading, the whole file but its title.
 * @throws Error when the file or the heading does not exist
 */
export function includeParts(text: string, read: (path: string) => string = readText): string {
  return text.replace(/^<!-- include ([^\s#]+)(?:#(.+?))? -->$/gm, (_, path: string, heading?: string) =>
    partOf(read(path), path, heading),
  )
}

/** The text below a heading, up to the next one of its level or above. */
function partOf(text: string, path: string, heading: string | undefined): string {
  const lines = text.split('\n')
  let fenced = false
  const levels = lines.map((line) => {
    if (line.startsWith('```')) fenced = !fenced
    return fenced ? 0 : (/^(#+) /.exec(line)?.[1]?.length ?? 0)
  })
  const first = lines.findIndex((line, i) =>
    heading === undefined ? levels[i] === 1 : levels[i]! > 0 && line.replace(/^#+ /, '') === heading,
  )
  if (first < 0) throw new Error(`${path} has no heading '${heading ?? '# title'}' to include from`)
  const end = levels.findIndex((level, i) => i > first && level > 0 && level <= levels[first]!)
  return lines
    .slice(first + 1, end < 0 ? undefined : end)
    .join('\n')
    .trim()
}
