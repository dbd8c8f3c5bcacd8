/**
 * A code block of a README.
 * @typedef {{ readonly name: string, readonly code: string, readonly run: boolean }} Block
 */

/**
 * The `ts` blocks of a Markdown text; those marked `ts no-run` are not to be run.
 *
 * @param {string} name of the text
 * @param {string} text
 * @returns {Block[]}
 */
export function blocksOf(name, text) {
  return [...text.matchAll(/^```ts( no-run)?\n([\s\S]*?)^```$/gm)].map(([, noRun, code = ''], index) => ({
    name: `${name} #${index + 1}`,
    code,
    run: !noRun,
  }))
}

/**
 * What a README's first `npm install` line, in a `sh` block, names.
 *
 * @param {string} text
 * @returns {string[]} such as `@selfsup/losses` and `apache-arrow@18`; empty without such a line
 */
export function installedBy(text) {
  const line = /^```sh\n(?:.*\n)*?npm install ((?:.*\\\n)*.*)$/m.exec(text)?.[1] ?? ''
  return line
    .replaceAll('\\\n', ' ')
    .split(/\s+/)
    .filter((word) => /^@?[a-z]/.test(word))
}

/**
 * The packages that a program imports.
 * @param {string} code
 */
export function importedBy(code) {
  const specifiers = [...code.matchAll(/\b(?:from|import) '([^'.][^']*)'/g)].map(([, name = '']) => name)
  const names = specifiers.map((name) =>
    name
      .split('/')
      .slice(0, name.startsWith('@') ? 2 : 1)
      .join('/'),
  )
  return [...new Set(names)].filter((name) => !name.startsWith('node:'))
}
