const { default: plain } = require('@changesets/cli/changelog')

/**
 * How changesets become lines of a CHANGELOG: one for each changeset, and one for all of our own packages that a package
 * now takes in newer versions. A first release has no older versions to tell of.
 */
module.exports = {
  getReleaseLine: plain.getReleaseLine,
  /**
   * @param {unknown} _changesets
   * @param {readonly { name: string, oldVersion: string, newVersion: string }[]} updated
   */
  async getDependencyReleaseLine(_changesets, updated) {
    const newer = updated.filter(({ oldVersion }) => oldVersion !== '0.0.0')
    if (newer.length === 0) return ''
    return `- Takes ${newer.map(({ name, newVersion }) => `${name} ${newVersion}`).join(', ')}`
  },
}
