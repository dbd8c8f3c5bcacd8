import type { EvaluationValue } from '@selfsup/run-folder'

/** Formats a number for reading: `0.0012`, `12.3`, `1 234 567`. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (size >= 1000 || (Number.isInteger(value) && size >= 1)) return grouped(value)
  if (size === 0) return '0'
  if (size < 0.001) return value.toExponential(1).replace('e', ' e')
  return String(Number(value.toPrecision(3)))
}

function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f')
}

/** Formats 12345678 as `12.3 M`, for axes and cards. */
export function short(value: number): string {
  const size = Math.abs(value)
  for (const [unit, letter] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const)
    if (size >= unit) return `${Number((value / unit).toPrecision(3))}\u202f${letter}`
  return number(value)
}

/** Formats 0.4567 as `45.7 %`. */
export function percent(part: number): string {
  return `${(100 * part).toFixed(1)}\u202f%`
}

/** Formats seconds as `42 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${Number(seconds.toPrecision(2))} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** Formats a value with its unit. */
export function figure(value: number, unit: EvaluationValue['unit']): string {
  if (unit === 'part') return percent(value)
  if (unit === 'seconds') return duration(value)
  return number(value)
}

/** Formats an interval as `90.1 to 92.3 %`; undefined if there is none. */
export function interval({ interval: ends, unit }: EvaluationValue): string | undefined {
  if (!ends) return undefined
  const [low, high] = ends
  if (unit === 'part') return `${(100 * low).toFixed(1)} to ${percent(high)}`
  return `${figure(low, unit)} to ${figure(high, unit)}`
}

/** Converts `linear-probe` to `Linear probe`, `imagesPerSecond` to `Images per second`. */
export function words(name: string): string {
  const spaced = name
    .replace(/([a-z])([A-Z])/g, (_, before: string, letter: string) => `${before} ${letter.toLowerCase()}`)
    .replaceAll(/[-_]/g, ' ')
  return spaced.charAt(0).toUpperCase() + spaced.slice(1)
}
