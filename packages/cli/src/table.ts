import { printableLine } from './printable.js'

/** Formats rows as aligned columns; columns of numbers are aligned to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const shown = rows.map((row) => row.map(printableLine))
  const all = [header, ...shown]
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  const numeric = header.map((_, column) =>
    shown.every((row) => /^([-+]?[\d.,]+\s?(%|s|x)?)?$/.test(row[column] ?? '')),
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        numeric[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd()
  return [line(header), widths.map((width) => '-'.repeat(width)).join('  '), ...shown.map(line)].join('\n')
}

/** A path quoted for a shell, if needed. */
export function shellWord(path: string): string {
  if (/^[\p{L}\p{N}_./\\:@%+=-]+$/u.test(path)) return path
  // On Windows a backslash separates folders, and a name contains no quotation mark.
  return process.platform === 'win32' ? `"${path}"` : `"${path.replace(/["$`\\]/g, '\\$&')}"`
}

/** Formats 0.4567 as `45.67 %`. */
export function percent(part: number): string {
  return `${(100 * part).toFixed(2)} %`
}

/** Formats seconds as `42 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?'
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** `1 epoch`, `2 epochs`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
