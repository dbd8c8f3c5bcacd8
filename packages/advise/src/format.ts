import type { ClassifierAccuracy } from './classifier-accuracy.js'

/** Formats 0.503 as `50 %`, fractions below 9.5 % with one decimal. */
export function percent(part: number): string {
  return `${(100 * part).toFixed(part > 0 && part < 0.095 ? 1 : 0)} %`
}

/** Formats an accuracy as `50 % of cases (95 % interval 47 to 53 %, chance 25 %)`. */
export function formatAccuracy({ accuracy, interval: [low, high], chance }: ClassifierAccuracy): string {
  return `${percent(accuracy)} of cases (95 % interval ${(100 * low).toFixed(0)} to ${percent(high)}, chance ${percent(chance)})`
}

/** Formats 50000 as `50,000`. */
export function number(count: number): string {
  return count.toLocaleString('en-US')
}

/** Formats a count as `1 image`, `2 images`. */
export function imageCount(count: number): string {
  return `${number(count)} image${count === 1 ? '' : 's'}`
}
