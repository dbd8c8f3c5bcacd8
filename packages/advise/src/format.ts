import type { ToldApart } from './told-apart.js'

/** 0.503 as `50 %`, small parts with a digit more. */
export function percent(part: number): string {
  return `${(100 * part).toFixed(part > 0 && part < 0.095 ? 1 : 0)} %`
}

/** `50 % (47 to 53 %, guessing 25 %)`. */
export function figure({ accuracy, interval: [low, high], chance }: ToldApart): string {
  return `${percent(accuracy)} (${(100 * low).toFixed(0)} to ${percent(high)}; guessing has ${percent(chance)})`
}

/** 50000 as `50,000`. */
export function number(count: number): string {
  return count.toLocaleString('en-US')
}

/** `1 picture`, `2 pictures`. */
export function pictures(count: number): string {
  return `${number(count)} picture${count === 1 ? '' : 's'}`
}
