import { createHash } from 'node:crypto'
import type { Method } from '@selfsup/core'

/** Changes when anything does that a method's features may depend on. */
export async function weightsDigest({
  name,
  options,
  networks,
  parameters = {},
  state,
}: Method): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify({ name, options }))
  const weights = Object.values(networks).flatMap((model) => model.getWeights())
  for (const weight of [...weights, ...Object.values(parameters), ...Object.values(state)])
    hash.update(new Uint8Array((await weight.data<'float32'>()).buffer.slice(0)))
  return hash.digest('hex')
}
