import { interruptible } from '../interrupt.js'
import { progressView } from '../progress.js'
import { detailSources } from './report.js'

/** Flags of `selfsup serve`. */
export interface ServeFlags {
  readonly port: number
  readonly host: string
  readonly mapPoints?: number
  /** false: no images of images */
  readonly images: boolean
}

/** `selfsup serve FOLDER`: a page that follows runs, until Ctrl-C. */
export async function serve(
  folder: string,
  { port, host, mapPoints, images: pictures }: ServeFlags,
): Promise<number> {
  const view = progressView(process.stderr)
  const { serveRuns } = await import('@selfsup/report')
  const sources = detailSources({ view, images: pictures })
  const server = await serveRuns(folder, { port, host, mapPoints, sourcesOf: sources.of })
  console.log(server.url)
  view.note(`The runs in ${folder}, as they go on. Ctrl-C ends it.`)
  if (!server.local) view.note('Warning: everyone who reaches this machine can look at them.')
  await new Promise<void>((ended) => {
    const interrupt = interruptible(() => {
      interrupt.release()
      ended()
    })
  })
  await server.close()
  await sources.close()
  return 0
}
