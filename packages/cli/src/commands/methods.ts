import { range } from '../config.js'
import { findMethod, methodNames } from '../registry.js'
import { table } from '../table.js'

/** `selfsup methods [METHOD]`: all methods, or what one of them can be told. */
export async function methods(name: string | undefined, { json }: { json?: boolean }): Promise<number> {
  if (name === undefined) {
    const definitions = await Promise.all(methodNames().map(findMethod))
    const rows = definitions.map(({ name, summary, paper }) => ({ name, summary, paper }))
    console.log(
      json
        ? JSON.stringify(rows)
        : table(
            ['method', 'what it does', 'paper'],
            rows.map((row) => [row.name, row.summary, row.paper]),
          ),
    )
    return 0
  }
  const definition = await findMethod(name)
  const { summary, paper, options, training } = definition
  if (json) {
    console.log(JSON.stringify({ name, summary, paper, options, training }))
    return 0
  }
  console.log(`${name}: ${summary}\n${paper}\n`)
  console.log(
    table(
      ['--set option', 'default', 'takes', 'what it does'],
      Object.entries(options).map(([option, spec]) => [
        option,
        String(spec.default),
        range(spec),
        spec.description,
      ]),
    ),
  )
  console.log(
    `\nTrained with ${training.optimizer}, learning rate ${training.learningRate} per 256 images, weight decay ${training.weightDecay}, ${training.warmupEpochs} epochs of warm-up unless told otherwise.`,
  )
  return 0
}
