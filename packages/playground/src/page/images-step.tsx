import { useState } from 'preact/hooks'
import { ActionButton, idleWhile } from './action-button.js'
import { sendDropped, sendPicked } from './picked-files.js'
import type { PageState } from './state.js'
import { Thumb } from './thumb.js'
import type { Send } from './use-worker.js'

/** Drawn images for a first try. */
const DRAWN = 600
/** Images shown of a folder. */
const SHOWN = 16

interface Props {
  readonly state: PageState
  readonly send: Send
}

/** Where the images come from, and what they are like. */
export function ImagesStep({ state, send }: Props) {
  const { images, ready, progress } = state
  const busy = !ready || progress !== undefined
  return (
    <section id="images" aria-labelledby="images-title">
      <h2 id="images-title">
        <span class="number">1</span> Images
      </h2>
      {images ? <Chosen {...{ state, send }} /> : <Drop send={send} busy={busy} />}
    </section>
  )
}

function Drop({ send, busy }: { readonly send: Send; readonly busy: boolean }) {
  const [over, setOver] = useState(false)
  return (
    <>
      <p class="note">
        The network learns from the images alone: no names or labels are needed. A few hundred images are
        enough to try; a few thousand are better.
      </p>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is in addition to the buttons */}
      <div
        class={`drop ${over ? 'over' : ''}`}
        onDragOver={(event) => {
          event.preventDefault()
          setOver(true)
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault()
          setOver(false)
          if (event.dataTransfer && !busy) void sendDropped(send, event.dataTransfer)
        }}
      >
        <svg class="drop-icon" viewBox="0 0 24 24" aria-hidden="true">
          <path d="M3 7.5A1.5 1.5 0 0 1 4.5 6h4.2l2 2.2h8.8A1.5 1.5 0 0 1 21 9.7v8.8a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 18.5z" />
        </svg>
        <p class="drop-title">Drop a folder of images here</p>
        <div class="row">
          <Choose title="Choose a folder" primary {...{ busy, send }} folder />
          <Choose title="Choose files" {...{ busy, send }} />
          <ActionButton
            id="use-drawn"
            busy={busy}
            onClick={() => send({ type: 'drawn', count: drawnWanted() })}
          >
            Try with drawn patterns
          </ActionButton>
        </div>
        <p class="note">Your images stay on this computer. The page sends nothing.</p>
      </div>
      <ol class="outline">
        <li>
          <b>Choose images</b>
          <span>Photos, scans, drawings, anything of the same sort.</span>
        </li>
        <li>
          <b>Watch it learn</b>
          <span>A network starts knowing nothing, and finds out which images are alike.</span>
        </li>
        <li>
          <b>Use it</b>
          <span>Search by an image, group the images, find duplicates, take the network with you.</span>
        </li>
      </ol>
    </>
  )
}

interface ChooseProps {
  readonly title: string
  readonly busy: boolean
  readonly send: Send
  /** a folder with everything in it, which phones cannot choose */
  readonly folder?: boolean
  readonly primary?: boolean
}

function Choose({ title, busy, send, folder = false, primary = false }: ChooseProps) {
  return (
    <label class={`button ${primary ? 'primary' : ''} ${busy ? 'disabled' : ''}`}>
      {title}
      <input
        type="file"
        class="unseen"
        multiple
        {...idleWhile(busy)}
        {...(folder ? { webkitdirectory: true } : { accept: 'image/*' })}
        onChange={(event) => {
          const input = event.currentTarget as HTMLInputElement
          void sendPicked(send, input.files!)
          input.value = ''
        }}
      />
    </label>
  )
}

/** Number of drawn images; a test asks for fewer. */
function drawnWanted(): number {
  return Number(new URLSearchParams(location.search).get('drawn')) || DRAWN
}

function Chosen({ state: { images, run }, send }: Props) {
  const { name, count, paths, kinds, skipped, warnings } = images!
  const shown = Array.from({ length: Math.min(SHOWN, count) }, (_, i) =>
    Math.floor((i * count) / Math.min(SHOWN, count)),
  )
  return (
    <div class="panel">
      <div class="panel-head">
        <p>
          <b>{count.toLocaleString('en')} images</b> of {name}
          {kinds && <span class="muted"> · {kinds.length} kinds, used only to check what was learned</span>}
        </p>
        <button
          type="button"
          class="quiet"
          onClick={() => {
            const sure = run.state === 'none' || confirm('Forget the images and the run?')
            if (sure) send({ type: 'forget-all' })
          }}
        >
          Choose other images
        </button>
      </div>
      <div class="strip">
        {shown.map((index) => (
          <Thumb key={index} index={index} label={paths[index]!} />
        ))}
      </div>
      {warnings.length > 0 ? (
        <ul class="warnings">
          {warnings.map((warning) => (
            <li key={warning}>{warning}</li>
          ))}
        </ul>
      ) : (
        <p class="good">No problems found in these images.</p>
      )}
      {skipped.length > 0 && (
        <details class="behind">
          <summary>
            {skipped.length.toLocaleString('en')} file{skipped.length === 1 ? ' was' : 's were'} left out
          </summary>
          <ul class="plain">
            {skipped.slice(0, 50).map(({ path, reason }) => (
              <li key={path}>
                {path}: {reason}
              </li>
            ))}
            {skipped.length > 50 && <li>and {(skipped.length - 50).toLocaleString('en')} more</li>}
          </ul>
        </details>
      )}
    </div>
  )
}
