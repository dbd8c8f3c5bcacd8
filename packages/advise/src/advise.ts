import { judgeAugmentations } from './augmentations.js'
import { type Command, commandsFor } from './commands.js'
import type { Measures } from './measure.js'
import { judgedMethods, judgeMethods, type Verdict } from './verdicts.js'
import { warningsOf } from './warnings.js'

/** What suits pictures, in words. */
export interface Advice {
  /** what is wrong with the pictures, the gravest first */
  readonly warnings: readonly string[]
  /** those that suit first */
  readonly methods: readonly Verdict[]
  readonly augmentations: readonly Verdict[]
  /** of the command line; none for too few pictures */
  readonly commands: readonly Command[]
}

export interface AdviseOptions {
  /** what the pictures are called on a command line; default their name */
  readonly source?: string
  /** part of MNIST, CIFAR or shapes, where it is not the usual one */
  readonly split?: string
  /** names of the methods to be judged; default all that there are rules for */
  readonly methods?: readonly string[]
}

/** Which methods and augmentations suit pictures that were measured, which do not and why, and how to begin. */
export function advise(
  measures: Measures,
  { source = measures.name, split, methods = judgedMethods }: AdviseOptions = {},
): Advice {
  const judged = judgeMethods(measures, methods)
  return {
    warnings: warningsOf(measures),
    methods: judged,
    augmentations: judgeAugmentations(measures),
    commands: commandsFor(measures, judged, source, split),
  }
}
