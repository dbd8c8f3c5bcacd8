/** The value as JSON with the keys of objects in alphabetical order, to compare values; undefined for undefined. */
export function canonicalJson(value: unknown): string | undefined {
  return JSON.stringify(sorted(value))
}

/** The value with all keys in alphabetical order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, part]) => [key, sorted(part)]))
}
