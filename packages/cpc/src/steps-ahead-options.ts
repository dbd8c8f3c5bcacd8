/** Factor of the predictions. */
export const scaleOption = (factor: number) =>
  ({
    type: 'number',
    default: factor,
    min: 0.0001,
    description: 'factor that multiplies the predictions in the loss',
  }) as const

/** Size of the groups that share negatives. */
export const contrastedOption = (examples: 'images whose patches' | 'series whose steps') =>
  ({
    type: 'number',
    default: 16,
    min: 1,
    integer: true,
    description: `minimum number of ${examples} serve as negatives of each other; the batch is split into equal groups of at least this size`,
  }) as const
