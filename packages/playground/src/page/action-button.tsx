import type { ComponentChildren } from 'preact'

interface ActionButtonProps {
  readonly id: string
  /** whether the worker is busy; the button then does nothing, but keeps the keyboard focus, which a disabled one would lose */
  readonly busy: boolean
  readonly onClick: () => void
  readonly children: ComponentChildren
}

/** A button for what the worker does. */
export function ActionButton({ id, busy, onClick, children }: ActionButtonProps) {
  return (
    <button type="button" id={id} aria-disabled={busy} onClick={() => !busy && onClick()}>
      {children}
    </button>
  )
}

/** Attributes of a file input that does nothing while the worker is busy, and keeps the focus. */
export function idleWhile(busy: boolean) {
  return { 'aria-disabled': busy, onClick: (event: Event) => busy && event.preventDefault() }
}
