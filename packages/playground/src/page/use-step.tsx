import { useState } from 'preact/hooks'
import type { Download } from '../messages.js'
import { ActionButton, idleWhile } from './action-button.js'
import type { PageState } from './state.js'
import { Thumb } from './thumb.js'
import type { Send } from './use-worker.js'

interface Props {
  readonly state: PageState
  readonly send: Send
}

/** Images shown of each cluster and group. */
const SHOWN = 12
/** Images that can be searched for by a click. */
const QUERIES = 24

/** What can be done with what was learned. */
export function UseStep({ state, send }: Props) {
  const { run, images, progress } = state
  const training = run.state === 'training'
  const busy = training || progress !== undefined
  return (
    <section id="use" aria-labelledby="use-title">
      <h2 id="use-title">
        <span class="number">4</span> Use it
      </h2>
      <p class="note">
        {training
          ? 'Pause, or wait until learning has finished, to search and group all images.'
          : `Search and group all ${images?.count.toLocaleString('en')} images by what the network has learned.`}
      </p>
      {!training && (
        <div class="tools">
          <Search {...{ state, send, busy }} />
          <Clusters {...{ state, send, busy }} />
          <Duplicates {...{ state, send, busy }} />
          <Downloads {...{ state, send, busy }} />
        </div>
      )}
    </section>
  )
}

type ToolProps = Props & { readonly busy: boolean }

function Search({ state: { images, found }, send, busy }: ToolProps) {
  const { count, paths } = images!
  const queries = Array.from({ length: Math.min(QUERIES, count) }, (_, i) =>
    Math.floor((i * count) / Math.min(QUERIES, count)),
  )
  return (
    <div class="panel" id="search">
      <div class="panel-head">
        <h3>Search by an image</h3>
        <label class={`button ${busy ? 'disabled' : ''}`}>
          Search with another image
          <input
            type="file"
            accept="image/*"
            class="unseen"
            {...idleWhile(busy)}
            onChange={(event) => {
              const input = event.currentTarget as HTMLInputElement
              const [file] = input.files ?? []
              if (file) send({ type: 'search', of: file })
              input.value = ''
            }}
          />
        </label>
      </div>
      <fieldset class="strip choose">
        <legend class="unseen">Images to search for</legend>
        {queries.map((index) => (
          <Thumb
            key={index}
            index={index}
            label={`Search for images like ${paths[index]}`}
            pressed={found?.of === index}
            onClick={() => !busy && send({ type: 'search', of: index })}
          />
        ))}
      </fieldset>
      <div>
        {found ? (
          <>
            <p class="row-label results-label">
              Most similar to {typeof found.of === 'number' ? paths[found.of] : found.of}
            </p>
            <div class="grid results">
              {found.images.map(({ index, similarity }) => (
                <Thumb
                  key={index}
                  index={index}
                  label={`${paths[index]}, similarity ${similarity.toFixed(2)}`}
                  note={similarity.toFixed(2)}
                  onClick={() => !busy && send({ type: 'search', of: index })}
                />
              ))}
            </div>
          </>
        ) : (
          <p class="muted waiting">Click an image to see the ones most like it.</p>
        )}
      </div>
    </div>
  )
}

function Clusters({ state: { images, clusters }, send, busy }: ToolProps) {
  const [wanted, setWanted] = useState(Math.min(8, Math.max(2, images!.kinds?.length ?? 8)))
  const [names, setName] = useNames(clusters)
  const most = Math.max(2, Math.min(30, Math.floor(images!.count / 2)))
  return (
    <div class="panel" id="clusters">
      <div class="panel-head">
        <h3>Group the images</h3>
        <div class="row">
          <label class="option">
            Groups
            <input
              type="number"
              min={2}
              max={most}
              value={wanted}
              onChange={(event) => {
                const value = Number((event.currentTarget as HTMLInputElement).value)
                setWanted(Math.max(2, Math.min(most, Math.round(value) || 2)))
              }}
            />
          </label>
          <ActionButton id="cluster" busy={busy} onClick={() => send({ type: 'cluster', count: wanted })}>
            Group
          </ActionButton>
        </div>
      </div>
      {clusters ? (
        <ol class="groups">
          {clusters.map((members, i) => (
            <li key={i}>
              <div class="group-head">
                <input
                  type="text"
                  value={names[i] ?? ''}
                  placeholder={`Group ${i + 1}`}
                  aria-label={`Name of group ${i + 1}`}
                  onInput={(event) => setName(i, (event.currentTarget as HTMLInputElement).value)}
                />
                <span class="muted">
                  {members.length === 1 ? '1 image' : `${members.length.toLocaleString('en')} images`}
                </span>
              </div>
              <Members members={members} images={images!} />
            </li>
          ))}
        </ol>
      ) : (
        <p class="muted waiting">Images that look alike to the network form groups, which you can name.</p>
      )}
    </div>
  )
}

/** The user's names of the groups of each grouping, for the download too. */
const groupNames = new WeakMap<object, string[]>()

const namesOf = (clusters: PageState['clusters']) => (clusters && groupNames.get(clusters)) ?? []

function useNames(
  clusters: PageState['clusters'],
): [readonly string[], (group: number, name: string) => void] {
  const [, redraw] = useState(0)
  const names = namesOf(clusters)
  return [
    names,
    (group, name) => {
      names[group] = name
      groupNames.set(clusters!, names)
      redraw((count) => count + 1)
    },
  ]
}

/** The first images of a group. */
function Members({
  members,
  images,
}: {
  readonly members: readonly number[]
  readonly images: NonNullable<PageState['images']>
}) {
  return (
    <div class="grid">
      {members.slice(0, SHOWN).map((index) => (
        <Thumb key={index} index={index} label={images.paths[index]!} />
      ))}
    </div>
  )
}

function Duplicates({ state: { images, duplicates }, send, busy }: ToolProps) {
  return (
    <div class="panel" id="duplicates">
      <div class="panel-head">
        <h3>Find duplicates</h3>
        <ActionButton id="find-duplicates" busy={busy} onClick={() => send({ type: 'duplicates' })}>
          Find
        </ActionButton>
      </div>
      {!duplicates && (
        <p class="muted waiting">Finds images that are nearly the same: copies, other sizes, series.</p>
      )}
      {duplicates?.length === 0 && <p class="good">No near-duplicates among these images.</p>}
      {duplicates && duplicates.length > 0 && (
        <>
          <p class="note">
            {duplicates.length.toLocaleString('en')} group{duplicates.length === 1 ? '' : 's'} of images that
            are nearly the same to the network. The less it has learned, the more it confuses.
          </p>
          <ul class="groups">
            {duplicates.slice(0, 30).map(({ images: members, similarity }) => (
              <li key={members[0]}>
                <div class="group-head">
                  <span class="muted">
                    {members.length} images, similarity {similarity.toFixed(3)}
                  </span>
                </div>
                <Members members={members} images={images!} />
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  )
}

const DOWNLOADS: readonly { what: Download; title: string; about: string }[] = [
  { what: 'backbone', title: 'Network', about: 'a TensorFlow.js model that turns images into features' },
  {
    what: 'features',
    title: 'Features',
    about: 'of all images, as NumPy’s .npy, with paths and group names as .csv',
  },
  { what: 'run', title: 'Whole run', about: 'a folder that the command line selfsup opens' },
]

function Downloads({ state: { images, clusters }, send, busy }: ToolProps) {
  const names = () => {
    const all: string[] = new Array(images!.count).fill('')
    const given = namesOf(clusters)
    for (const [i, members] of (clusters ?? []).entries())
      for (const index of members) all[index] = given[i] || `Group ${i + 1}`
    return all
  }
  return (
    <div class="panel" id="downloads">
      <h3>Take it with you</h3>
      <ul class="downloads">
        {DOWNLOADS.map(({ what, title, about }) => (
          <li key={what}>
            <ActionButton
              id={`download-${what}`}
              busy={busy}
              onClick={() => send({ type: 'download', what, names: what === 'features' ? names() : [] })}
            >
              {title}
            </ActionButton>
            <span class="muted">{about}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}
