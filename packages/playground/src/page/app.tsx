import { useState } from 'preact/hooks'
import { setTheme, type Theme } from '../../../report/src/page/theme.js'
import { Announcer } from './announcer.js'
import { ImagesStep } from './images-step.js'
import { LearningStep } from './learning-step.js'
import { ChosenMethod, MethodStep } from './method-step.js'
import type { PageState } from './state.js'
import { useFocus } from './use-focus.js'
import { UseStep } from './use-step.js'
import { useWorker } from './use-worker.js'

const THEMES: readonly Theme[] = ['auto', 'light', 'dark']

const ENGINES: Readonly<Record<string, string>> = {
  webgpu: 'WebGPU',
  wasm: 'WebAssembly',
  cpu: 'JavaScript',
}

export function App() {
  const { state, send, dismiss } = useWorker()
  const { images, run, problem, progress } = state
  useFocus()
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Header state={state} />
      <Announcer state={state} />
      <main id="main" tabIndex={-1}>
        {problem && (
          <div class="problem" role="alert">
            <p>
              <b>{problem.message}</b> {problem.fix}
            </p>
            <button type="button" class="quiet" onClick={dismiss}>
              Close
            </button>
          </div>
        )}
        <ImagesStep {...{ state, send }} />
        {progress && <Busy {...progress} />}
        {images && run.state === 'none' && run.choice === undefined && <MethodStep {...{ state, send }} />}
        {images && run.choice && <ChosenMethod choice={run.choice} />}
        {images && run.choice && <LearningStep {...{ state, send }} />}
        {images && run.choice && run.state !== 'none' && <UseStep {...{ state, send }} />}
      </main>
      <footer>
        Everything happens in this page: your images and the network stay on this computer, and nothing is
        sent. Images and run are kept in this browser until you choose others.
      </footer>
    </>
  )
}

function Busy({ what, done, total }: NonNullable<PageState['progress']>) {
  return (
    <div class="panel busy">
      <p>
        {what}: {done.toLocaleString('en')} of {total.toLocaleString('en')}
      </p>
      <div
        class="meter"
        role="progressbar"
        aria-label={what}
        aria-valuemin={0}
        aria-valuemax={total}
        aria-valuenow={done}
      >
        <i style={{ width: `${(100 * done) / Math.max(1, total)}%` }} />
      </div>
    </div>
  )
}

function Header({ state: { engine, problem } }: { readonly state: PageState }) {
  const [theme, choose] = useState<Theme>('auto')
  const next = () => {
    const following = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!
    choose(following)
    setTheme(following)
  }
  const missing = engine?.missing.map(({ title, reason }) => `${title}: ${reason}`).join('. ')
  return (
    <header>
      <div class="brand">
        <span class="mark" aria-hidden="true" />
        Selfsup
        <span
          class="engine"
          role="status"
          title={engine && [engine.description, missing].filter(Boolean).join('. ')}
          data-engine={engine?.name}
        >
          {engine ? ENGINES[engine.name] : problem ? 'no engine' : 'starting …'}
        </span>
        <button type="button" class="theme" onClick={next} title="Theme: system, light or dark">
          {theme === 'auto' ? 'Auto' : theme === 'light' ? 'Light' : 'Dark'}
          <span class="unseen"> theme</span>
        </button>
      </div>
      <h1>Teach a network your images</h1>
      <p class="about">
        Watch a network learn by itself, without labels, which of your images are alike. Then search, group
        and clean up your collection with it.
      </p>
    </header>
  )
}
