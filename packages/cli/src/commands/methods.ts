import { describeRange, type OptimizerSettings, resolveOptions } from '@selfsup/core'
import { findMethod, methodNames } from '@selfsup/runs'
import { counted, table } from '../table.js'

/** `selfsup methods [METHOD]`: lists all methods, or the options of one. */
export async function methods(name: string | undefined, { json }: { json?: boolean }): Promise<number> {
  if (name === undefined) {
    const definitions = await Promise.all(methodNames().map(findMethod))
    const rows = definitions.map(({ name, summary, paper }) => ({ name, summary, paper }))
    console.log(
      json
        ? JSON.stringify(rows)
        : table(
            ['method', 'description', 'paper'],
            rows.map((row) => [row.name, row.summary, row.paper]),
          ),
    )
    return 0
  }
  const definition = await findMethod(name)
  const { summary, paper, options } = definition
  const training = definition.training(resolveOptions(definition))
  if (json) {
    console.log(JSON.stringify({ name, summary, paper, options, training }))
    return 0
  }
  console.log(`${name}: ${summary}\n${paper}\n`)
  console.log(
    table(
      ['--set option', 'default', 'values', 'description'],
      Object.entries(options).map(([option, spec]) => [
        option,
        String(spec.default),
        describeRange(spec),
        spec.description,
      ]),
    ),
  )
  const { epochs, batchSize, learningRate, scaling, schedule, optimizer } = training
  const per = scaling === 'linear' ? ' per 256 images' : ''
  const warmup = schedule.warmupEpochs ? ` after ${counted(schedule.warmupEpochs, 'epoch')} of warm-up` : ''
  console.log(
    `\nDefault training: ${counted(epochs, 'epoch')} in batches of ${batchSize}; ${describe(optimizer)}; learning rate ${learningRate}${per}, ${schedule.name}${warmup}.`,
  )
  return 0
}

/** `sgd (momentum 0.9, weightDecay 0.0005)`. */
function describe({ name, ...settings }: OptimizerSettings): string {
  const parts = Object.entries(settings).map(([setting, value]) => `${setting} ${value}`)
  return parts.length > 0 ? `${name} (${parts.join(', ')})` : name
}
