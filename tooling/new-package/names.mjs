/**
 * barlow-twins as barlowTwins.
 * @param {string} name
 */
export const camel = (name) => name.replace(/-./g, (part) => part.slice(1).toUpperCase())

/**
 * barlow-twins as BarlowTwins.
 * @param {string} name
 */
export const pascal = (name) => camel(`-${name}`)
