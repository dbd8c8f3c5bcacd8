import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { drawMap, pointAt, WHOLE } from '../../../report/src/page/map-view.js'
import { REPAINT } from '../../../report/src/page/theme.js'
import { aligned } from './align-maps.js'
import { placeFeatures } from './map-places.js'
import type { PageState } from './state.js'
import { Thumb } from './thumb.js'

interface Places {
  readonly step: number
  readonly x: readonly number[]
  readonly y: readonly number[]
}

const MOVE_MS = 900

interface Props {
  readonly state: PageState
  readonly selected: number
  readonly onSelect: (index: number) => void
}

/** The watched images as points: images that the network finds alike are near each other. */
export function MapView({ state: { features, watched, images }, selected, onSelect }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [places, setPlaces] = useState<Places>()
  const [problem, setProblem] = useState<string>()
  const [hovered, setHovered] = useState<{ index: number; left: number; top: number }>()
  const shown = useRef<Places | undefined>(undefined)
  const labels = useMemo(() => watched.map((index) => images?.labels?.[index] ?? 0), [watched, images])
  const classes = images?.kinds?.length ?? 1

  useEffect(() => {
    if (!features) return
    const { values, width, step } = features
    placeFeatures({ values, count: values.length / width, width }, (answer) => {
      setProblem(answer.problem)
      if (answer.places) setPlaces({ step, ...aligned(answer.places, shown.current) })
    })
  }, [features])

  const draw = (at: Places) => {
    const element = canvas.current
    if (!element) return
    shown.current = at
    const { clientWidth: width, clientHeight: height } = element
    const point = watched.indexOf(selected)
    drawMap(element, {
      map: { method: 'UMAP', width: 0, positions: [...watched], labels, ...at },
      window: WHOLE,
      area: { width, height },
      classes,
      shows: () => true,
      ...(point >= 0 && { selected: point }),
    })
  }

  useEffect(() => {
    if (!places) return
    const from = shown.current
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches
    if (!from || from.step === places.step || from.x.length !== places.x.length || still) draw(places)
    else {
      const started = performance.now()
      let frame = 0
      const move = (now: number) => {
        const part = Math.min(1, (now - started) / MOVE_MS)
        const eased = part * part * (3 - 2 * part)
        const between = (a: readonly number[], b: readonly number[]) =>
          a.map((value, i) => value + (b[i]! - value) * eased)
        draw({ step: places.step, x: between(from.x, places.x), y: between(from.y, places.y) })
        if (part < 1) frame = requestAnimationFrame(move)
      }
      frame = requestAnimationFrame(move)
      return () => cancelAnimationFrame(frame)
    }
  }, [places, selected])

  useEffect(() => {
    const repaint = () => shown.current && draw(shown.current)
    const observer = new ResizeObserver(repaint)
    observer.observe(canvas.current!)
    document.addEventListener(REPAINT, repaint)
    return () => {
      observer.disconnect()
      document.removeEventListener(REPAINT, repaint)
    }
  })

  const pointOf = (event: MouseEvent) => {
    const element = canvas.current!
    const { left, top } = element.getBoundingClientRect()
    const at = [event.clientX - left, event.clientY - top] as const
    if (!places) return undefined
    const area = { width: element.clientWidth, height: element.clientHeight }
    const map = { method: 'UMAP', width: 0, positions: [...watched], labels, ...places }
    const point = pointAt(map, WHOLE, area, at, () => true)
    return point === undefined ? undefined : { index: watched[point]!, left: at[0], top: at[1] }
  }
  return (
    <figure class="chart map-card">
      <figcaption>
        <h3>Map</h3>
        <p class="note">
          Each point is an image. Points that are near each other look alike to the network
          {images?.kinds ? '; colours are kinds' : ''}. Click one to see its neighbours.
        </p>
      </figcaption>
      <div class="map-place">
        <canvas
          ref={canvas}
          class="map-canvas"
          role="img"
          aria-label={`Map of ${watched.length} images${places ? ` after ${places.step} steps` : ''}`}
          onClick={(event) => {
            const point = pointOf(event)
            if (point) onSelect(point.index)
          }}
          onMouseMove={(event) => setHovered(pointOf(event))}
          onMouseLeave={() => setHovered(undefined)}
        />
        {hovered && (
          <div
            class="map-hover"
            style={{ left: `${hovered.left}px`, top: `${hovered.top}px` }}
            aria-hidden="true"
          >
            <Thumb index={hovered.index} label="" />
          </div>
        )}
        {!places && <p class="map-wait">{problem ?? 'The map appears in a few seconds.'}</p>}
      </div>
      <p class="axis-label">{places ? `after ${places.step.toLocaleString('en')} steps` : ' '}</p>
    </figure>
  )
}
