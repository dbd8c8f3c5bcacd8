import { relative, sep } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Folders whose files take longest: they start first, so that no core is idle at the end. */
const LONGEST = [
  'precision',
  'cli',
  'runs',
  'generative',
  'readme',
  'docs',
  'browser',
  'iic',
  'byol',
  'cpc',
  'barlow-twins',
  'moco',
]

/**
 * Runs the files of a project one after the other, longest first. Vitest gives a process to the next file only if that is of the same
 * project; in its own order, by size, nearly every file would start a process and load TensorFlow.js again.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const rank = ({ project, moduleId }: TestSpecification) => {
      const path = relative(project.config.root, moduleId).split(sep)
      const folder = LONGEST.findIndex((name) => path.includes(name))
      return [project.vitest.projects.indexOf(project), folder < 0 ? LONGEST.length : folder] as const
    }
    return sorted
      .map((file) => ({ file, rank: rank(file) }))
      .sort((a, b) => a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1])
      .map(({ file }) => file)
  }
}
