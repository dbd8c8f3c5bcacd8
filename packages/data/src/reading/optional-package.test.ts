import { expect, it } from 'vitest'
import { MissingPackage, optionalPackage } from './optional-package.js'

it('a missing package is named, with the command that installs it; other errors stay as they are', async () => {
  const name = 'a-package-that-nobody-has'
  const loading = optionalPackage('XYZ', name, () => import(/* @vite-ignore */ name))
  await expect(loading).rejects.toBeInstanceOf(MissingPackage)
  await expect(loading).rejects.toMatchObject({
    code: 'package-missing',
    message: `XYZ files are read by the package ${name}, which is not installed; run: npm install ${name}`,
  })
  const broken = optionalPackage('XYZ', name, () => Promise.reject(new TypeError('broken')))
  await expect(broken).rejects.toBeInstanceOf(TypeError)
})
