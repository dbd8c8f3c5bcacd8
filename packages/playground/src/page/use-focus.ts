import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'

interface Focused {
  readonly element: HTMLElement
  /** id of its section; empty outside of all */
  readonly section: string
  readonly byKeyboard: boolean
}

/**
 * Moves the focus on when the control that had it is removed, to the heading of what replaces it. Otherwise people with a keyboard or a
 * screen reader would start again at the top of the page after each step.
 */
export function useFocus(): void {
  const last = useRef<Focused | undefined>(undefined)
  const present = useRef<readonly string[]>([])
  useEffect(() => {
    const note = ({ target }: FocusEvent) => {
      const element = target as HTMLElement
      const section = element.closest('section')?.id ?? ''
      last.current = { element, section, byKeyboard: element.matches(':focus-visible') }
    }
    document.addEventListener('focusin', note)
    return () => document.removeEventListener('focusin', note)
  }, [])
  useLayoutEffect(() => {
    const sections = [...document.querySelectorAll('main > section')].map(({ id }) => id)
    const before = present.current
    present.current = sections
    if (!last.current || last.current.element.isConnected || document.activeElement !== document.body) return
    const { section, byKeyboard } = last.current
    last.current = undefined
    const next = nextSection(section, before, sections)
    const target = document.querySelector<HTMLElement>(next ? `#${next} h2` : 'main')
    if (!target) return
    target.tabIndex = -1
    target.focus({ preventScroll: !byKeyboard })
  })
}

/** The section to go on with after a control of `section` is gone: learning if it began now, otherwise the same or the one before. */
export function nextSection(
  section: string,
  before: readonly string[],
  now: readonly string[],
): string | undefined {
  if (now.includes('learning') && !before.includes('learning')) return 'learning'
  if (now.includes(section)) return section
  return before.slice(0, Math.max(0, before.indexOf(section))).findLast((id) => now.includes(id))
}
