import { useMemo, useState } from 'preact/hooks'
import type { PageData, RunView } from '../page-data.js'
import { Clusters } from './clusters.js'
import { Confusion } from './confusion.js'
import { CostCharts } from './cost-charts.js'
import { Curves } from './curves.js'
import type { DrawnRun } from './drawn-run.js'
import { Findings } from './findings.js'
import { Headlines } from './headlines.js'
import { EmbeddingMapView } from './map.js'
import { Neighbours } from './neighbours.js'
import { RunTable } from './run-table.js'
import { Missing, Problems, Settings } from './settings.js'
import { Sheets } from './sheets.js'
import { type Connection, useDetails, useRuns } from './store.js'
import { setTheme, type Theme } from './theme.js'

/** Number of runs whose curves are drawn initially. */
const DRAWN_AT_FIRST = 6

export function App({ data }: { readonly data: PageData }) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>()
  const [focus, setFocus] = useState<string>()
  const [colors] = useState(new Map<string, number>())
  const [first, setFirst] = useState(data.runs.slice(0, DRAWN_AT_FIRST).map(({ id }) => id))
  const wanted = [...(chosen ?? first), ...(focus ? [focus] : [])]
  const { runs, connection } = useRuns(data, [...new Set(wanted)])
  // New runs are drawn too, until the user has chosen some.
  const early = [...new Set([...first, ...runs.map(({ id }) => id)])].slice(0, DRAWN_AT_FIRST)
  if (early.length > first.length) setFirst(early)
  for (const { id } of runs) if (!colors.has(id) && wanted.includes(id)) colors.set(id, colors.size)
  const shown = useMemo(() => chosen ?? new Set(first), [chosen, first])
  const drawn: DrawnRun[] = useMemo(
    () => runs.filter(({ id }) => shown.has(id)).map((run) => ({ run, color: colors.get(run.id) ?? 0 })),
    [runs, shown],
  )
  const focused = runs.find(({ id }) => id === (focus ?? first[0])) ?? drawn[0]?.run ?? runs[0]
  const details = useDetails(focused, data.live)
  const loaded = details === 'pending' ? undefined : details
  const whole = focused && { ...focused, details: loaded }
  const several = runs.length > 1

  const toggle = (id: string) => {
    const next = new Set(shown)
    if (!next.delete(id)) next.add(id)
    setChosen(next)
  }
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Header data={data} run={several ? undefined : whole} connection={connection} />
      <main id="main" tabIndex={-1}>
        {runs.length === 0 && (
          <p class="empty">There are no runs yet. New runs in this folder appear automatically.</p>
        )}
        {several && <RunTable runs={runs} {...{ shown, toggle, colors, focus: focused?.id, setFocus }} />}
        {!several && whole && <Headlines run={whole} />}
        <Curves runs={drawn} />
        <CostCharts runs={several ? drawn : []} />
        <Findings runs={drawn} />
        {whole && (
          <>
            {several && (
              <div class="details-of">
                <label for="details-of">Details of run</label>
                <select
                  id="details-of"
                  value={whole.id}
                  onChange={(event) => setFocus((event.currentTarget as HTMLSelectElement).value)}
                >
                  {runs.map(({ id, name }) => (
                    <option key={id} value={id}>
                      {name}
                    </option>
                  ))}
                </select>
              </div>
            )}
            {several && <Headlines run={whole} />}
            {details === 'pending' && <p class="pending">Computing the map and loading images …</p>}
            {loaded?.map && (
              <EmbeddingMapView key={whole.id} map={loaded.map} atlas={loaded.thumbnails?.test} />
            )}
            <Neighbours run={whole} details={loaded} />
            <Confusion run={whole} />
            <Clusters run={whole} details={loaded} />
            <Sheets details={loaded} />
            <Settings run={whole} />
            <Problems run={whole} details={loaded} />
            {details !== 'pending' && <Missing run={whole} />}
          </>
        )}
      </main>
      <footer>
        {data.live ? 'Live since' : 'Created'} <time>{new Date(data.made).toLocaleString()}</time> by Selfsup
      </footer>
    </>
  )
}

interface HeaderProps {
  readonly data: PageData
  readonly run?: RunView
  readonly connection: Connection
}

const THEMES: readonly Theme[] = ['auto', 'light', 'dark']

function Header({ data, run, connection }: HeaderProps) {
  const [theme, choose] = useState<Theme>('auto')
  const next = () => {
    const following = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!
    choose(following)
    setTheme(following)
  }
  const about = run && [run.method, run.backbone, run.facts.find(([name]) => name === 'images')?.[1]]
  return (
    <header>
      <div class="brand">
        <span class="mark" aria-hidden="true" />
        Selfsup
        {data.live && (
          <span class={`live ${connection}`} role="status">
            {connection === 'lost' ? 'connection lost, reconnecting' : 'live'}
          </span>
        )}
        <button type="button" class="theme" onClick={next} title="Theme: system, light or dark">
          {theme === 'auto' ? 'Auto' : theme === 'light' ? 'Light' : 'Dark'}
          <span class="unseen"> theme</span>
        </button>
      </div>
      <h1>{data.title}</h1>
      {about && <p class="about">{about.filter(Boolean).join(' · ')}</p>}
    </header>
  )
}
