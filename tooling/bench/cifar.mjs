import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const perClass = { train: 300, test: 60 }

/**
 * CIFAR-10 as JPEG or PNG files, train/CLASS/ and test/CLASS/, from $SELFSUP_CIFAR10.
 * @param {boolean} quick only a part of the images
 * @throws Error if the folder is missing
 */
export function cifarFolder(quick) {
  const whole = process.env.SELFSUP_CIFAR10
  if (!whole || !existsSync(join(whole, 'train')) || !existsSync(join(whole, 'test')))
    throw new Error(
      'this benchmark needs CIFAR-10 as images: set SELFSUP_CIFAR10 to the folder that contains train/CLASS/ and test/CLASS/',
    )
  if (!quick) return whole
  const part = join(tmpdir(), 'selfsup-bench-cifar10')
  for (const split of /** @type {const} */ (['train', 'test'])) {
    for (const name of readdirSync(join(whole, split))) {
      const to = join(part, split, name)
      mkdirSync(to, { recursive: true })
      for (const file of readdirSync(join(whole, split, name))
        .sort()
        .slice(0, perClass[split]))
        if (!existsSync(join(to, file))) cpSync(join(whole, split, name, file), join(to, file))
    }
  }
  return part
}
