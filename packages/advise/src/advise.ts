import { verdictsOnAugmentations } from './augmentations.js'
import { type Command, commandsFor } from './commands.js'
import type { Measures } from './measure.js'
import { methodsWithRules, type Verdict, verdictsOnMethods } from './verdicts.js'
import { warningsOf } from './warnings.js'

/** Recommendations for images. */
export interface Advice {
  /** problems of the images, most severe first */
  readonly warnings: readonly string[]
  /** methods, suitable ones first */
  readonly methods: readonly Verdict[]
  readonly augmentations: readonly Verdict[]
  /** suggested commands of the command line; none if there are too few images */
  readonly commands: readonly Command[]
}

export interface AdviseOptions {
  /** name of the images on a command line; default: the measures' name */
  readonly source?: string
  /** split of MNIST, CIFAR or shapes, if it is not the default one */
  readonly split?: string
  /** names of the methods to evaluate; default: all that have rules */
  readonly methods?: readonly string[]
  /** whether the warnings name options of the command line; default true */
  readonly commandLine?: boolean
}

/** Recommends methods, augmentations and commands for measured images, with reasons. */
export function advise(
  measures: Measures,
  { source = measures.name, split, methods = methodsWithRules, commandLine }: AdviseOptions = {},
): Advice {
  const verdicts = verdictsOnMethods(measures, methods)
  return {
    warnings: warningsOf(measures, { commandLine }),
    methods: verdicts,
    augmentations: verdictsOnAugmentations(measures),
    commands: commandsFor(measures, verdicts, source, split),
  }
}
