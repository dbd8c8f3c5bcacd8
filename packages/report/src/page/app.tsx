import { useMemo, useState } from 'preact/hooks'
import type { PageData, RunView } from '../page-data.js'
import { Clusters } from './clusters.js'
import { Confusion } from './confusion.js'
import { CostCharts } from './cost-charts.js'
import { Curves } from './curves.js'
import type { DrawnRun } from './drawn-run.js'
import { Findings } from './findings.js'
import { Headlines } from './headlines.js'
import { MadeOf, Missing, Problems } from './made-of.js'
import { EmbeddingMapView } from './map.js'
import { Neighbours } from './neighbours.js'
import { RunTable } from './run-table.js'
import { Sheets } from './sheets.js'
import { type Connection, useDetails, useRuns } from './store.js'
import { setTheme, type Theme } from './theme.js'

/** Runs whose curves are drawn at first. */
const DRAWN_AT_FIRST = 6

export function App({ data }: { readonly data: PageData }) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>()
  const [focus, setFocus] = useState<string>()
  const [colors] = useState(new Map<string, number>())
  const [first, setFirst] = useState(data.runs.slice(0, DRAWN_AT_FIRST).map(({ id }) => id))
  const wanted = [...(chosen ?? first), ...(focus ? [focus] : [])]
  const { runs, connection } = useRuns(data, [...new Set(wanted)])
  // Runs that come are drawn as well, as long as nobody has chosen.
  const early = [...new Set([...first, ...runs.map(({ id }) => id)])].slice(0, DRAWN_AT_FIRST)
  if (early.length > first.length) setFirst(early)
  for (const { id } of runs) if (!colors.has(id) && wanted.includes(id)) colors.set(id, colors.size)
  const shown = useMemo(() => chosen ?? new Set(first), [chosen, first])
  const drawn: DrawnRun[] = useMemo(
    () => runs.filter(({ id }) => shown.has(id)).map((run) => ({ run, color: colors.get(run.id) ?? 0 })),
    [runs, shown],
  )
  const closer = runs.find(({ id }) => id === (focus ?? first[0])) ?? drawn[0]?.run ?? runs[0]
  const details = useDetails(closer, data.live)
  const made = details === 'underway' ? undefined : details
  const whole = closer && { ...closer, details: made }
  const several = runs.length > 1

  const toggle = (id: string) => {
    const next = new Set(shown)
    if (!next.delete(id)) next.add(id)
    setChosen(next)
  }
  return (
    <>
      <a class="skip" href="#main">
        Skip to the figures
      </a>
      <Header data={data} run={several ? undefined : whole} connection={connection} />
      <main id="main" tabIndex={-1}>
        {runs.length === 0 && (
          <p class="empty">No run here yet. One that starts in this folder appears by itself.</p>
        )}
        {several && <RunTable runs={runs} {...{ shown, toggle, colors, focus: closer?.id, setFocus }} />}
        {!several && whole && <Headlines run={whole} />}
        <Curves runs={drawn} />
        <CostCharts runs={several ? drawn : []} />
        <Findings runs={drawn} />
        {whole && (
          <>
            {several && (
              <div class="closer">
                <label for="closer">A closer look at</label>
                <select
                  id="closer"
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
            {details === 'underway' && (
              <p class="underway">Placing features on the map and fetching pictures …</p>
            )}
            {made?.map && <EmbeddingMapView key={whole.id} map={made.map} atlas={made.thumbnails?.test} />}
            <Neighbours run={whole} details={made} />
            <Confusion run={whole} />
            <Clusters run={whole} details={made} />
            <Sheets details={made} />
            <MadeOf run={whole} />
            <Problems run={whole} details={made} />
            {details !== 'underway' && <Missing run={whole} />}
          </>
        )}
      </main>
      <footer>
        {data.live ? 'Live from' : 'Made'} <time>{new Date(data.made).toLocaleString()}</time> by Selfsup
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
            {connection === 'lost' ? 'connection lost, trying again' : 'live'}
          </span>
        )}
        <button type="button" class="theme" onClick={next} title="Colours: as the system, light, dark">
          {theme === 'auto' ? 'Auto' : theme === 'light' ? 'Light' : 'Dark'}
          <span class="unseen"> colours</span>
        </button>
      </div>
      <h1>{data.title}</h1>
      {about && <p class="about">{about.filter(Boolean).join(' · ')}</p>}
    </header>
  )
}
