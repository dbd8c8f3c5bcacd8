import { table } from '../table.js'

/** `selfsup backbones`: lists the networks with their numbers of features and parameters (for 32-pixel colour images), and the pretrained models. */
export async function backbones({ json }: { json?: boolean }): Promise<number> {
  const all = (await import('@selfsup/backbones')).backbones.map(({ create: _, ...facts }) => facts)
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
