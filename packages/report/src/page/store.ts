import { useEffect, useState } from 'preact/hooks'
import type { PageData, RunDetails, RunView } from '../page-data.js'

/** Merges an update of a run into the known runs; a summary keeps the known curves. */
export function merged(known: readonly RunView[], news: RunView): RunView[] {
  const before = known.find(({ id }) => id === news.id)
  if (!before) return [news, ...known]
  // A summary's records have no charts: those of the same records are kept.
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

/** Runs of the page: static, or updated over a connection that sends the full data of the `wanted` runs. */
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

/** Images and map of a run: static, or requested from the server. */
export function useDetails(run: RunView | undefined, live: boolean): RunDetails | 'pending' | undefined {
  const [loaded, setLoaded] = useState<{ key: string; details: RunDetails }>()
  const key = `${run?.id} ${run?.stamp}`
  useEffect(() => {
    if (!live || !run) return
    const stop = new AbortController()
    fetch(`/details?run=${run.id}`, { signal: stop.signal })
      .then((response) => (response.ok ? response.json() : Promise.reject(new Error(response.statusText))))
      .then((details: RunDetails) => setLoaded({ key, details }))
      .catch(() => {
        if (!stop.signal.aborted)
          setLoaded({ key, details: { notes: ['images and map could not be loaded'] } })
      })
    return () => stop.abort()
  }, [live, key])
  if (!live) return run?.details
  if (loaded?.key === key) return loaded.details
  // The previous details of the same run are shown until the new ones arrive.
  return loaded && run && loaded.key.startsWith(`${run.id} `) ? loaded.details : 'pending'
}
