/** Smallest crop: an option of every pretext task. */
export const minScaleOption = {
  type: 'number',
  default: 0.5,
  min: 0.01,
  max: 1,
  description: 'smallest area of a crop, as a fraction of the image',
} as const

/** Hidden layer of the head that sees all patches of a task. */
export const headOption = {
  type: 'number',
  default: 512,
  min: 1,
  integer: true,
  description: 'units of the head’s hidden layer',
} as const
