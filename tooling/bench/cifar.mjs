import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
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

/**
 * The training images of CIFAR-10 in two parts, as copies: `train` without the last tenth of each class by file name, and
 * `test`, that tenth, on which settings are chosen.
 * @param {string} whole the folder that contains train/CLASS/
 * @param {string} parts the folder to make; kept if it is there
 * @returns {{ train: string, test: string }} their folders
 */
export function validationSplit(whole, parts) {
  const [train, test] = [join(parts, 'train'), join(parts, 'validation')]
  for (const name of readdirSync(join(whole, 'train'))) {
    const files = readdirSync(join(whole, 'train', name)).sort()
    for (const to of [train, test]) mkdirSync(join(to, name), { recursive: true })
    for (const [i, file] of files.entries()) {
      const copy = join(i < 0.9 * files.length ? train : test, name, file)
      if (!existsSync(copy)) copyFileSync(join(whole, 'train', name, file), copy)
    }
  }
  return { train, test }
}
