/** Options of what the networks get to see, alike for all methods here. */
export const viewOptions = {
  minScale: {
    type: 'number',
    default: 1,
    min: 0.01,
    max: 1,
    description: 'smallest part of the picture a crop takes; 1: the whole picture',
  },
  flip: {
    type: 'number',
    default: 'auto',
    min: 0,
    max: 1,
    formerly: { auto: -1 },
    description: 'probability of swapping left and right; auto: 0.5, and 0 for pictures of one channel',
  },
} as const
