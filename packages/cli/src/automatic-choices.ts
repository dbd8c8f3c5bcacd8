import type { ImageDataset, Method, MethodDefinition } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { Settings } from './config.js'
import type { ProgressView } from './progress.js'

/** What the automatic choices of a run depend on, besides the engine. */
export interface ChoiceBasis {
  readonly definition: MethodDefinition
  /** given settings; they always win */
  readonly settings: Pick<Settings, 'size' | 'backbone' | 'batch'>
  readonly dataset: ImageDataset
  /** median of the images' shorter sides in pixels, if it is known */
  readonly medianSide?: number
}

/** Chooses size, backbone and batch size of a run by the machine and the images, where the user did not, and prints the choice. */
export function automaticChoices({ definition, settings, dataset, medianSide }: ChoiceBasis) {
  const chosen: string[] = []
  const memory = machineMemory()

  return {
    async network(engine: Engine): Promise<{ size: number; backbone: string }> {
      const { automaticBackbone, automaticSize } = await import('@selfsup/runs')
      const size = settings.size ?? automaticSize(dataset, { engine }, medianSide)
      const backbone = settings.backbone ?? automaticBackbone(definition, { engine, memory: await memory })
      if (settings.size === undefined) chosen.push(`images of ${size} pixels`)
      if (settings.backbone === undefined) chosen.push(`the network ${backbone}`)
      return { size, backbone }
    },

    async batch(method: Method, engine: Engine, recommended: number): Promise<number> {
      const { automaticBatch } = await import('@selfsup/runs')
      const { length } = dataset
      const batch = await automaticBatch(method, { recommended, length }, { engine, memory: await memory })
      chosen.push(`batches of ${batch}`)
      return batch
    },

    /** Prints what was chosen and how much memory it needs, and warns if that is more than there is. */
    async announce(method: Method, batch: number, engine: Engine, view: ProgressView): Promise<void> {
      const { memoryLimit, stepMemory } = await import('@selfsup/train')
      const needed = stepMemory(method, batch, engine.name)
      const machine = await memory
      const basis = `${dataset.length} images, ${engine.gpu ? 'a GPU' : `${gigabytes(machine)} of memory`}`
      if (chosen.length > 0)
        view.note(
          `Using ${listed(chosen)} (about ${gigabytes(needed)} of memory), chosen for ${basis}; --size, --backbone and --batch override.`,
        )
      const most = Math.min(memoryLimit(engine.name) ?? Number.POSITIVE_INFINITY, machine)
      if (!engine.gpu && needed > most)
        view.note(
          `Warning: a step may need about ${gigabytes(needed)} of memory, more than the ${gigabytes(most)} that ${engine.name === 'wasm' ? 'WebAssembly can use' : 'this machine has'}. Use a smaller --batch, --size or --backbone.`,
        )
    },
  }
}

async function machineMemory(): Promise<number> {
  const { totalmem } = await import('node:os')
  const constrained = process.constrainedMemory?.() ?? 0
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}

function listed(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`
}
