import { useEffect, useRef } from 'preact/hooks'
import { drawImage } from './pixels.js'

interface ThumbProps {
  readonly index: number
  /** what the image is, for people who do not see it */
  readonly label: string
  /** a second line under the image */
  readonly note?: string
  readonly pressed?: boolean
  readonly onClick?: () => void
}

/** A small image; a button if it can be clicked. */
export function Thumb({ index, label, note, pressed, onClick }: ThumbProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => drawImage(canvas.current!, index), [index])
  const image = <canvas ref={canvas} class="image" width={64} height={64} role="img" aria-label={label} />
  if (!onClick)
    return (
      <span class="thumb-box" title={label}>
        {image}
        {note && <small>{note}</small>}
      </span>
    )
  return (
    <button type="button" class="thumb-box" title={label} aria-pressed={pressed} onClick={onClick}>
      {image}
      {note && <small>{note}</small>}
    </button>
  )
}
