export { type BarlowTwinsOptions, barlowTwins, definition } from './barlow-twins.js'
