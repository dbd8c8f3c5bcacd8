import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Atlas, EmbeddingMap } from '../page-data.js'
import { number } from './format.js'
import { drawMap, type MapWindow, moved, neighbourOf, pointAt, toCanvas, WHOLE, zoomed } from './map-view.js'
import { Section } from './section.js'
import { classColor, REPAINT } from './theme.js'
import { className, Thumb } from './thumb.js'

interface MapProps {
  readonly map: EmbeddingMap
  readonly atlas?: Atlas
}

const DIRECTIONS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

/** Features in the plane: zoom by wheel, pinch, buttons or keys; a thumbnail at the pointer. */
export function EmbeddingMapView({ map, atlas }: MapProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [window, setWindow] = useState<MapWindow>(WHOLE)
  const [area, setArea] = useState({ width: 640, height: 480 })
  const [selected, select] = useState<number>()
  const [only, setOnly] = useState<ReadonlySet<number>>(new Set())
  const [asImages, setAsImages] = useState(false)
  const image = useImage(atlas?.src)
  const labels = useMemo(
    () => [...new Set(map.labels)].sort((a, b) => a - b).filter((label) => label >= 0),
    [map],
  )
  const classes = map.classes?.length ?? labels.length
  const shows = (label: number) => only.size === 0 || only.has(label)

  useEffect(() => {
    const element = canvas.current!
    const draw = () =>
      drawMap(element, {
        map,
        window,
        area,
        classes,
        shows,
        selected,
        thumbnails: asImages && atlas && image ? { atlas, image } : undefined,
      })
    draw()
    document.addEventListener(REPAINT, draw)
    return () => document.removeEventListener(REPAINT, draw)
  }, [map, window, area, selected, only, asImages, image])
  useEffect(() => {
    const frame = canvas.current!.parentElement!
    const fit = () => {
      const width = frame.clientWidth
      setArea({ width, height: Math.round(Math.min(560, Math.max(320, 0.72 * width))) })
    }
    const observer = new ResizeObserver(fit)
    observer.observe(frame)
    fit()
    return () => observer.disconnect()
  }, [])
  const pointers = usePointers(canvas, { map, window, area, shows, select, setWindow })

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const direction = DIRECTIONS[event.key]
    const at = selected === undefined ? undefined : toCanvas(window, area, map.x[selected]!, map.y[selected]!)
    if (direction && event.shiftKey) setWindow(moved(window, area, -60 * direction[0], -60 * direction[1]))
    else if (direction) {
      const middle = [area.width / 2, area.height / 2] as const
      const next =
        selected === undefined
          ? pointAt(map, window, area, middle, shows, Number.POSITIVE_INFINITY)
          : neighbourOf(map, selected, direction, shows)
      if (next !== undefined) {
        select(next)
        const [x, y] = toCanvas(window, area, map.x[next]!, map.y[next]!)
        if (x < 0 || y < 0 || x > area.width || y > area.height)
          setWindow({ ...window, x: map.x[next]!, y: map.y[next]! })
      }
    } else if (event.key === '+' || event.key === '=') setWindow(zoomed(window, area, 1.5, at))
    else if (event.key === '-') setWindow(zoomed(window, area, 1 / 1.5, at))
    else if (event.key === '0') setWindow(WHOLE)
    else if (event.key === 'Escape') select(undefined)
    else return
    event.preventDefault()
  }
  const pick = (label: number) => {
    const next = new Set(only)
    if (!next.delete(label)) next.add(label)
    setOnly(next.size === labels.length ? new Set() : next)
  }
  const name = selected === undefined ? '' : (className(map.labels[selected]!, map.classes) ?? 'no class')
  return (
    <Section
      id="map"
      title="Embedding map"
      note={`${number(map.positions.length)} test images with ${map.width} features each, projected by ${map.method}. Nearby points are similar; distances between groups carry little meaning.`}
    >
      <div class="map-layout">
        <div
          class="map"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: keys move from point to point
          tabIndex={0}
          role="application"
          aria-roledescription="map"
          aria-label="Embedding map. Use the arrow keys to move from point to point, shift and arrow keys to move the map, plus and minus to zoom, 0 to show all."
          onKeyDown={onKeyDown}
          onBlur={() => select(undefined)}
        >
          <canvas ref={canvas} style={{ height: `${area.height}px` }} {...pointers} />
          <div class="map-buttons">
            <button type="button" aria-label="Zoom in" onClick={() => setWindow(zoomed(window, area, 1.6))}>
              +
            </button>
            <button
              type="button"
              aria-label="Zoom out"
              onClick={() => setWindow(zoomed(window, area, 1 / 1.6))}
            >
              −
            </button>
            <button type="button" aria-label="Show all" onClick={() => setWindow(WHOLE)}>
              ⤢
            </button>
          </div>
          {selected !== undefined && (
            <div
              class="tip map-tip"
              style={tipPlace(toCanvas(window, area, map.x[selected]!, map.y[selected]!), area)}
            >
              {atlas && <Thumb atlas={atlas} position={map.positions[selected]!} size={96} />}
              <b>{name}</b>
              <span class="tip-x">image {map.positions[selected]}</span>
            </div>
          )}
          <span class="unseen" aria-live="polite">
            {selected !== undefined && `${name}, image ${map.positions[selected]}`}
          </span>
        </div>
        <div class="map-side">
          {atlas && (
            <label class="option">
              <input
                type="checkbox"
                checked={asImages}
                onChange={(event) => setAsImages((event.currentTarget as HTMLInputElement).checked)}
              />
              Images instead of dots
            </label>
          )}
          {labels.length > 0 && (
            <fieldset class="legend column" aria-label="Classes: select classes to show only them">
              {labels.map((label) => (
                <button type="button" key={label} aria-pressed={shows(label)} onClick={() => pick(label)}>
                  <Swatch label={label} classes={classes} />
                  {className(label, map.classes)}
                </button>
              ))}
              {only.size > 0 && (
                <button type="button" class="all" onClick={() => setOnly(new Set())}>
                  all classes
                </button>
              )}
            </fieldset>
          )}
        </div>
      </div>
    </Section>
  )
}

/** Colour of a class, which follows the theme like the canvas. */
function Swatch({ label, classes }: { readonly label: number; readonly classes: number }) {
  const [, again] = useState(0)
  useEffect(() => {
    const repaint = () => again((count) => count + 1)
    document.addEventListener(REPAINT, repaint)
    return () => document.removeEventListener(REPAINT, repaint)
  }, [])
  return <i class="dot" style={{ '--swatch': classColor(label, classes) }} />
}

function tipPlace([x, y]: readonly [number, number], area: { width: number; height: number }) {
  return {
    ...(x > area.width / 2 ? { right: `${area.width - x + 14}px` } : { left: `${x + 14}px` }),
    ...(y > area.height / 2 ? { bottom: `${area.height - y + 10}px` } : { top: `${y + 10}px` }),
  }
}

function useImage(src: string | undefined): HTMLImageElement | undefined {
  const [image, setImage] = useState<HTMLImageElement>()
  useEffect(() => {
    if (!src) return
    const loading = new Image()
    loading.onload = () => setImage(loading)
    loading.src = src
  }, [src])
  return image
}

interface PointerTarget extends MapProps {
  readonly window: MapWindow
  readonly area: { readonly width: number; readonly height: number }
  readonly shows: (label: number) => boolean
  readonly select: (point: number | undefined) => void
  readonly setWindow: (change: (window: MapWindow) => MapWindow) => void
}

/** One pressed pointer drags, two pinch, a moving one selects; the wheel zooms once the map has the focus. */
function usePointers(canvas: { current: HTMLCanvasElement | null }, target: PointerTarget) {
  const { map, window, area, shows, select, setWindow } = target
  const down = useRef(new Map<number, readonly [number, number]>())
  const placeOf = ({ offsetX, offsetY }: PointerEvent | WheelEvent) => [offsetX, offsetY] as const
  useEffect(() => {
    const element = canvas.current!
    const onWheel = (event: WheelEvent) => {
      // Scrolling the page must not stop at the map.
      if (!event.ctrlKey && document.activeElement !== element.parentElement) return
      event.preventDefault()
      setWindow((window) => zoomed(window, area, Math.exp(-event.deltaY / 300), placeOf(event)))
    }
    element.addEventListener('wheel', onWheel, { passive: false })
    return () => element.removeEventListener('wheel', onWheel)
  }, [area])
  return {
    onPointerDown(event: PointerEvent) {
      down.current.set(event.pointerId, placeOf(event))
      canvas.current!.setPointerCapture(event.pointerId)
      select(pointAt(map, window, area, placeOf(event), shows))
    },
    onPointerMove(event: PointerEvent) {
      const before = down.current.get(event.pointerId)
      const now = placeOf(event)
      if (!before) {
        select(pointAt(map, window, area, now, shows))
        return
      }
      const other = [...down.current].find(([id]) => id !== event.pointerId)?.[1]
      down.current.set(event.pointerId, now)
      if (other) {
        const spread = (a: readonly [number, number]) => Math.hypot(a[0] - other[0], a[1] - other[1]) || 1
        setWindow((window) => zoomed(window, area, spread(now) / spread(before), other))
      } else setWindow((window) => moved(window, area, now[0] - before[0], now[1] - before[1]))
    },
    onPointerUp(event: PointerEvent) {
      down.current.delete(event.pointerId)
    },
    onPointerCancel(event: PointerEvent) {
      down.current.delete(event.pointerId)
    },
    onPointerLeave(event: PointerEvent) {
      if (event.pointerType === 'mouse' && !down.current.has(event.pointerId)) select(undefined)
    },
  }
}
