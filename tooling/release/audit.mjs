import { run } from './scratch.mjs'

/**
 * Known vulnerabilities of the packages that users install, by `npm audit --omit=dev` in an installed project.
 *
 * @param {import('./project.mjs').Project} project
 * @param {string} registry that knows the advisories
 * @returns {Promise<{ text: string, problems: string[] }>} what was found, in words. A registry without
 *   advisories is not a problem, but the text says so
 */
export async function audit({ folder, env }, registry) {
  const args = ['audit', '--omit=dev', '--json', `--registry=${registry}`]
  const { stdout, text } = await run('npm', args, { cwd: folder, env })
  const found = reportOf(stdout)
  const total = found?.metadata?.vulnerabilities?.total
  if (total === undefined) {
    const reason = found?.message ?? text.split('\n')[0]
    // The reason may contain the registry's address, which is private.
    return {
      text: `AUDIT NOT AVAILABLE: ${reason?.replaceAll(/https?:\/\/\S+/g, 'the registry')}`,
      problems: [],
    }
  }
  const problems = Object.values(found?.vulnerabilities ?? {}).map(
    ({ name, severity, range }) => `npm audit: ${name} ${range} is vulnerable (${severity})`,
  )
  return { text: `${total} known vulnerabilities`, problems }
}

/**
 * @typedef {object} AuditReport
 * @property {string} [message] of an error
 * @property {{ vulnerabilities?: { total: number } }} [metadata]
 * @property {Readonly<Record<string, { name: string, severity: string, range: string }>>} [vulnerabilities]
 */

/**
 * @param {string} text
 * @returns {AuditReport | undefined}
 */
function reportOf(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
