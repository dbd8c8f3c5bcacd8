/** barlow-twins as barlowTwins. */
export const camel = (name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase())

/** barlow-twins as BarlowTwins. */
export const pascal = (name) => camel(`-${name}`)
