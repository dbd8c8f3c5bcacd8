import { useState } from 'preact/hooks'
import type { Choice } from '../messages.js'
import { methodTexts } from '../method-texts.js'
import type { PageState } from './state.js'
import type { Send } from './use-worker.js'

const LENGTHS = [
  { steps: 200, title: 'Short', about: '200 steps' },
  { steps: 800, title: 'Medium', about: '800 steps' },
  { steps: 3000, title: 'Long', about: '3,000 steps' },
] as const

const NETWORKS = [
  { network: 'small', title: 'Small', about: '98 thousand weights' },
  { network: 'medium', title: 'Larger', about: '389 thousand weights' },
] as const

const VERDICTS: Readonly<Record<string, string>> = {
  suits: 'Suits your images',
  doubtful: 'May not suit your images',
  unsuited: 'Does not suit your images',
}

/** Which method, network and length. */
export function MethodStep({ state, send }: { readonly state: PageState; readonly send: Send }) {
  const gpu = state.engine?.name === 'webgpu'
  const [choice, setChoice] = useState<Choice>()
  const chosen = choice ?? {
    method: 'simclr',
    network: gpu ? 'medium' : 'small',
    steps: Number(new URLSearchParams(location.search).get('steps')) || (gpu ? 800 : 200),
  }
  const { weights } = state
  const change = (part: Partial<Choice>) => setChoice({ ...chosen, ...part })
  const { verdicts = {} } = state.images ?? {}
  // What holds for all methods is said once.
  const all = Object.values(verdicts)
  const common = new Set(all.map(({ why }) => why)).size === 1 ? all[0] : undefined
  return (
    <section id="method" aria-labelledby="method-title">
      <h2 id="method-title">
        <span class="number">2</span> Method
      </h2>
      <p class="note">
        Each image is altered twice at random: cut, flipped, with other colours. The methods differ in what
        they ask of the two copies. SimCLR is a good first choice.
      </p>
      {common && common.verdict !== 'suits' && (
        <p class="note">{common.why.charAt(0).toUpperCase() + common.why.slice(1)}.</p>
      )}
      <fieldset class="choices">
        <legend class="unseen">Method</legend>
        {methodTexts.map(({ name, title, text }) => {
          const verdict = verdicts[name]
          return (
            <label key={name} class="choice">
              <input
                type="radio"
                name="method"
                value={name}
                checked={chosen.method === name}
                onChange={() => change({ method: name })}
              />
              <span class="choice-title">{title}</span>
              <span class="choice-text">{text}</span>
              {verdict && !common && (
                <span class={`verdict ${verdict.verdict}`}>
                  {VERDICTS[verdict.verdict]}: {verdict.why}
                </span>
              )}
            </label>
          )
        })}
      </fieldset>
      <div class="settings-row">
        <fieldset class="segments">
          <legend>Length</legend>
          {LENGTHS.map(({ steps, title, about }) => (
            <label key={steps}>
              <input
                type="radio"
                name="length"
                checked={chosen.steps === steps}
                onChange={() => change({ steps })}
              />
              <span>
                {title} <small>{about}</small>
              </span>
            </label>
          ))}
        </fieldset>
        {weights ? (
          <div class="weights">
            <b>Network</b>
            <p>
              {weights.name} <span class="muted">{weights.about}</span>{' '}
              <button type="button" class="quiet" onClick={() => send({ type: 'weights', file: undefined })}>
                Remove
              </button>
            </p>
          </div>
        ) : (
          <fieldset class="segments">
            <legend>Network</legend>
            {NETWORKS.map(({ network, title, about }) => (
              <label key={network}>
                <input
                  type="radio"
                  name="network"
                  checked={chosen.network === network}
                  onChange={() => change({ network })}
                />
                <span>
                  {title} <small>{about}</small>
                </span>
              </label>
            ))}
          </fieldset>
        )}
      </div>
      <WeightsChoice {...{ state, send }} />
      <button
        type="button"
        id="start"
        class="primary large"
        onClick={() =>
          send({ type: 'start', choice: { ...chosen, ...(weights && { weights: weights.name }) } })
        }
      >
        Start learning
      </button>
    </section>
  )
}

/** A network that was trained before, in a file of the user. */
function WeightsChoice({ state: { weights }, send }: { readonly state: PageState; readonly send: Send }) {
  if (weights) return null
  return (
    <details class="behind weights-choice">
      <summary>Start from a trained network</summary>
      <p class="note">
        A file of weights as .safetensors: ResNets of torchvision and timm, vision transformers such as
        DINOv2. It sees more from the start, but each step takes much longer than with the networks above.
      </p>
      <label class="button">
        Choose a file
        <input
          type="file"
          accept=".safetensors"
          class="unseen"
          onChange={(event) => {
            const input = event.currentTarget as HTMLInputElement
            const [file] = input.files ?? []
            if (file) send({ type: 'weights', file })
            input.value = ''
          }}
        />
      </label>
    </details>
  )
}

/** What a run was started with, in a line. */
export function ChosenMethod({ choice: { method, network, steps, weights } }: { readonly choice: Choice }) {
  const { title, text } = methodTexts.find(({ name }) => name === method) ?? { title: method, text: '' }
  const size = NETWORKS.find((other) => other.network === network)!
  return (
    <section id="method" aria-labelledby="method-title">
      <h2 id="method-title">
        <span class="number">2</span> Method
      </h2>
      <div class="panel">
        <p>
          <b>{title}</b>
          <span class="muted">
            {' '}
            · {weights ? `starting from ${weights}` : `${size.title.toLowerCase()} network, ${size.about}`} ·{' '}
            {steps.toLocaleString('en')} steps
          </span>
        </p>
        <p class="note">{text}</p>
      </div>
    </section>
  )
}
