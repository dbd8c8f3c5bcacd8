import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

interface Axe {
  run(): Promise<{
    readonly violations: readonly {
      readonly id: string
      readonly help: string
      readonly nodes: readonly { readonly html: string }[]
    }[]
  }>
}

/**
 * What axe-core finds wrong on a page: colours without contrast, controls without a name, wrong roles, headings and landmarks. It is
 * part of a page's tests; whether the page can be understood without seeing it, a person has to try.
 */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: createRequire(import.meta.url).resolve('axe-core/axe.min.js') })
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: Axe }).axe.run())
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' ')}`,
  )
}
