import { startEngine } from '../engine.js'
import { table } from '../table.js'

/** `selfsup backbones`: lists the networks with their numbers of features and parameters (for 32-pixel colour images), and the pretrained models. */
export async function backbones({ json }: { json?: boolean }): Promise<number> {
  const tf = await import('@tensorflow/tfjs-core')
  await startEngine('cpu')
  const all = (await import('@selfsup/backbones')).backbones.map(({ name, summary, features, create }) => {
    const model = create({ size: 32 })
    const parameters = model.trainableWeights.reduce(
      (sum, { shape }) => sum + tf.util.sizeFromShape(shape as number[]),
      0,
    )
    model.dispose()
    return { name, features, parameters, summary }
  })
  const { knownModels } = await import('@selfsup/pretrained')
  const pretrained = Object.entries(knownModels).map(([name, model]) => ({ name, ...model }))
  console.log(
    json
      ? JSON.stringify([...all, ...pretrained])
      : table(
          ['backbone', 'features', 'parameters', ''],
          all.map(({ name, features, parameters, summary }) => [
            name,
            String(features),
            parameters.toLocaleString('en'),
            summary,
          ]),
        ) +
          `\n\nPretrained models, downloaded from the Hugging Face Hub when they are first used:\n` +
          table(
            ['model', 'features', 'licence', ''],
            pretrained.map(({ name, features, licence, summary }) => [
              name,
              String(features),
              licence,
              summary,
            ]),
          ),
  )
  return 0
}
