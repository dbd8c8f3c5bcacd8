import type { ComponentChildren } from 'preact'

interface SectionProps {
  readonly id: string
  readonly title: string
  readonly note?: string
  readonly children: ComponentChildren
}

/** A section of the page with a heading. */
export function Section({ id, title, note, children }: SectionProps) {
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {note && <p class="note">{note}</p>}
      {children}
    </section>
  )
}

interface ScrollProps {
  /** accessible name */
  readonly label: string
  readonly children: ComponentChildren
}

/** A container that scrolls if its content is wider than the page. */
export function Scroll({ label, children }: ScrollProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable area must be reachable with the keyboard
    <div class="scroll" tabIndex={0} role="group" aria-label={label}>
      {children}
    </div>
  )
}
