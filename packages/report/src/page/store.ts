import { useEffect, useState } from 'preact/hooks'
import type { PageData, RunDetails, RunView } from '../page-data.js'

/** Runs as the page knows them; curves stay when a summary comes. */
export function merged(known: readonly RunView[], news: RunView): RunView[] {
  const before = known.find(({ id }) => id === news.id)
  if (!before) return [news, ...known]
  // A summary's records lack their charts: those that are known of the same record stay.
  const whole = news.curves !== undefined || before.stamp !== news.stamp
  const run: RunView = {
    ...news,
    curves: news.curves ?? before.curves,
    details: news.details ?? before.details,
    evaluations: whole ? news.evaluations : before.evaluations,
  }
  return known.map((view) => (view.id === news.id ? run : view))
}

export type Connection = 'none' | 'open' | 'lost'

/** The page's runs: as they came with it, or followed over a connection that tells whole runs of `wanted`. */
export function useRuns(
  data: PageData,
  wanted: readonly string[],
): { runs: RunView[]; connection: Connection } {
  const [runs, setRuns] = useState<RunView[]>([...data.runs])
  const [connection, setConnection] = useState<Connection>('none')
  const key = [...wanted].sort().join(',')
  useEffect(() => {
    if (!data.live) return
    const source = new EventSource(`/events?runs=${encodeURIComponent(key)}`)
    const on = (event: string, act: (news: never) => void) =>
      source.addEventListener(event, ({ data }) => act(JSON.parse(data) as never))
    on('all', (all: RunView[]) =>
      setRuns((known) => all.map((news) => merged(known, news).find(({ id }) => id === news.id)!)),
    )
    on('run', (news: RunView) => setRuns((known) => merged(known, news)))
    on('summary', (news: RunView) => setRuns((known) => merged(known, news)))
    on('gone', ({ id }: { id: string }) => setRuns((known) => known.filter((run) => run.id !== id)))
    source.onopen = () => setConnection('open')
    source.onerror = () => setConnection('lost')
    return () => source.close()
  }, [data.live, key])
  return { runs, connection }
}

/** A run's pictures and map: as they came with the page, or asked for. */
export function useDetails(run: RunView | undefined, live: boolean): RunDetails | 'underway' | undefined {
  const [made, setMade] = useState<{ key: string; details: RunDetails }>()
  const key = `${run?.id} ${run?.stamp}`
  useEffect(() => {
    if (!live || !run) return
    const stop = new AbortController()
    fetch(`/details?run=${run.id}`, { signal: stop.signal })
      .then((response) => (response.ok ? response.json() : Promise.reject(new Error(response.statusText))))
      .then((details: RunDetails) => setMade({ key, details }))
      .catch(() => {
        if (!stop.signal.aborted)
          setMade({ key, details: { notes: ['pictures and map could not be fetched'] } })
      })
    return () => stop.abort()
  }, [live, key])
  if (!live) return run?.details
  if (made?.key === key) return made.details
  // What was made of the same run before stays until the new is there.
  return made && run && made.key.startsWith(`${run.id} `) ? made.details : 'underway'
}
