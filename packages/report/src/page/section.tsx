import type { ComponentChildren } from 'preact'

interface SectionProps {
  readonly id: string
  readonly title: string
  readonly note?: string
  readonly children: ComponentChildren
}

/** A part of the page under a heading. */
export function Section({ id, title, note, children }: SectionProps) {
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {note && <p class="note">{note}</p>}
      {children}
    </section>
  )
}
