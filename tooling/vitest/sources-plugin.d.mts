import type { Plugin } from 'esbuild'

export function sourcesPlugin(others?: readonly string[]): Plugin
