import type { Atlas, EmbeddingMap } from '../page-data.js'
import { classColor, cssColor } from './theme.js'
import { cellOf } from './thumb.js'

/** Maximum coordinate of a map. */
const EXTENT = 4095
/** Maximum magnification. */
const CLOSEST = 60
/** Distance in CSS pixels within which a pointer selects a point. */
const REACH = 18

/** Visible part of the map: its centre and magnification. */
export interface MapWindow {
  readonly x: number
  readonly y: number
  readonly zoom: number
}

/** The window that shows the whole map. */
export const WHOLE: MapWindow = { x: EXTENT / 2, y: EXTENT / 2, zoom: 1 }

/** Width and height of the canvas in CSS pixels. */
export interface Area {
  readonly width: number
  readonly height: number
}

function scaleOf({ zoom }: MapWindow, { width, height }: Area): number {
  return ((Math.min(width, height) - 28) / EXTENT) * zoom
}

/** Canvas coordinates of a point of the map. */
export function toCanvas(window: MapWindow, area: Area, x: number, y: number): [number, number] {
  const scale = scaleOf(window, area)
  return [area.width / 2 + (x - window.x) * scale, area.height / 2 + (y - window.y) * scale]
}

/** Zooms around a canvas position, which stays fixed. */
export function zoomed(
  window: MapWindow,
  area: Area,
  factor: number,
  at?: readonly [number, number],
): MapWindow {
  const zoom = Math.min(CLOSEST, Math.max(1, window.zoom * factor))
  if (zoom === 1) return WHOLE
  const [left, top] = at ?? [area.width / 2, area.height / 2]
  const [before, after] = [scaleOf(window, area), scaleOf({ ...window, zoom }, area)]
  const shift = 1 / before - 1 / after
  return {
    zoom,
    x: within(window.x + (left - area.width / 2) * shift),
    y: within(window.y + (top - area.height / 2) * shift),
  }
}

/** Moves the map by a distance on the canvas, in CSS pixels. */
export function moved(window: MapWindow, area: Area, left: number, top: number): MapWindow {
  const scale = scaleOf(window, area)
  return { ...window, x: within(window.x - left / scale), y: within(window.y - top / scale) }
}

function within(value: number): number {
  return Math.min(EXTENT, Math.max(0, value))
}

/** Nearest point to a canvas position, within reach, of the classes that `shows` accepts. */
export function pointAt(
  map: EmbeddingMap,
  window: MapWindow,
  area: Area,
  [left, top]: readonly [number, number],
  shows: (label: number) => boolean,
  reach = REACH,
): number | undefined {
  let [best, nearest] = [undefined as number | undefined, reach ** 2]
  for (let i = 0; i < map.x.length; i++) {
    if (!shows(map.labels[i]!)) continue
    const [x, y] = toCanvas(window, area, map.x[i]!, map.y[i]!)
    const distance = (x - left) ** 2 + (y - top) ** 2
    if (distance < nearest) [best, nearest] = [i, distance]
  }
  return best
}

/** Next point in a direction: near, with little sideways distance. */
export function neighbourOf(
  map: EmbeddingMap,
  from: number,
  [right, down]: readonly [number, number],
  shows: (label: number) => boolean,
): number | undefined {
  let [best, least] = [undefined as number | undefined, Number.POSITIVE_INFINITY]
  for (let i = 0; i < map.x.length; i++) {
    if (i === from || !shows(map.labels[i]!)) continue
    const [x, y] = [map.x[i]! - map.x[from]!, map.y[i]! - map.y[from]!]
    const [along, aside] = [x * right + y * down, Math.abs(x * down) + Math.abs(y * right)]
    if (along <= 0) continue
    const cost = along + 2 * aside
    if (cost < least) [best, least] = [i, cost]
  }
  return best
}

/** Content of the map's canvas. */
export interface MapDrawing {
  readonly map: EmbeddingMap
  readonly window: MapWindow
  readonly area: Area
  readonly classes: number
  readonly shows: (label: number) => boolean
  readonly selected?: number
  /** draw thumbnails instead of dots */
  readonly thumbnails?: { readonly atlas: Atlas; readonly image: CanvasImageSource }
}

/** Draws the map; takes a few milliseconds for thousands of points. */
export function drawMap(canvas: HTMLCanvasElement, drawing: MapDrawing): void {
  const { map, window, area, classes, shows, selected, thumbnails } = drawing
  const ratio = devicePixelRatio || 1
  canvas.width = Math.round(area.width * ratio)
  canvas.height = Math.round(area.height * ratio)
  const context = canvas.getContext('2d')!
  context.scale(ratio, ratio)
  const radius = Math.min(6, 2.6 * window.zoom ** 0.3)
  const side = Math.min(40, 12 * window.zoom ** 0.5)
  for (let i = 0; i < map.x.length; i++) {
    const [x, y] = toCanvas(window, area, map.x[i]!, map.y[i]!)
    if (x < -side || y < -side || x > area.width + side || y > area.height + side) continue
    const label = map.labels[i]!
    context.globalAlpha = shows(label) ? 0.85 : 0.07
    const cell = thumbnails && cellOf(thumbnails.atlas, map.positions[i]!)
    if (thumbnails && cell !== undefined) {
      const { cell: size, columns } = thumbnails.atlas
      const [left, top] = [(cell % columns) * size, Math.floor(cell / columns) * size]
      context.drawImage(thumbnails.image, left, top, size, size, x - side / 2, y - side / 2, side, side)
      continue
    }
    context.fillStyle = classColor(label, classes)
    context.beginPath()
    context.arc(x, y, radius, 0, 2 * Math.PI)
    context.fill()
  }
  if (selected === undefined) return
  const [x, y] = toCanvas(window, area, map.x[selected]!, map.y[selected]!)
  context.globalAlpha = 1
  context.lineWidth = 2
  context.strokeStyle = cssColor('--text')
  context.beginPath()
  context.arc(x, y, (thumbnails ? side / 1.5 : radius) + 3, 0, 2 * Math.PI)
  context.stroke()
}
