/** Options of the view, shared by all methods of this package. */
export const viewOptions = {
  minScale: {
    type: 'number',
    default: 1,
    min: 0.01,
    max: 1,
    description: 'smallest area of a crop, as a fraction of the image; 1: the whole image',
  },
  flip: {
    type: 'number',
    default: 'auto',
    min: 0,
    max: 1,
    earlier: { auto: -1 },
    description: 'probability of a horizontal flip; auto: 0.5, or 0 for images with one channel',
  },
} as const
