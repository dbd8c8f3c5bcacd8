import { writeAtomically } from '@selfsup/run-folder'

/** Formats rows as CSV (RFC 4180): fields with a comma, quotation mark or line break are quoted. */
export function csv(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const field = (value: string | number) =>
    /[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value)
  return [header, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('')
}

/** Writes rows to a CSV file, atomically. */
export async function writeCsv(
  path: string,
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): Promise<void> {
  await writeAtomically(path, (file) => file.writeFile(csv(header, rows)))
}
