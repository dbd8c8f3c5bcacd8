import { interruptible } from '../interrupt.js'
import { progressView } from '../progress.js'
import { detailSources } from './report.js'

/** Flags of `selfsup serve`. */
export interface ServeFlags {
  readonly port: number
  readonly host: string
  readonly mapPoints?: number
  /** false leaves out thumbnails of images */
  readonly images: boolean
}

/** `selfsup serve FOLDER`: serves a page that shows runs while they train, until Ctrl-C. */
export async function serve(folder: string, { port, host, mapPoints, images }: ServeFlags): Promise<number> {
  const view = progressView(process.stderr)
  const { serveRuns } = await import('@selfsup/report')
  const sources = detailSources({ view, images })
  const server = await serveRuns(folder, { port, host, mapPoints, sourcesOf: sources.of })
  console.log(server.url)
  view.note(`Serving the runs in ${folder}. Press Ctrl-C to stop.`)
  if (!server.local) view.note('Warning: everyone who can reach this machine can see them.')
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
