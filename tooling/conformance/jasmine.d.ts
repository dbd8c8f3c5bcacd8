/** As much of jasmine, which comes without types, as `run.mjs` calls. */
declare module 'jasmine' {
  interface SpecResult {
    readonly status: string
    readonly fullName: string
    readonly failedExpectations: readonly { readonly message: string }[]
  }

  export default class Jasmine {
    exitOnCompletion: boolean
    readonly jasmine: { DEFAULT_TIMEOUT_INTERVAL: number }
    readonly env: {
      configure(options: { specFilter(spec: { getFullName(): string }): boolean }): void
    }
    loadConfig(config: { random: boolean; helpers: string[]; spec_files: string[] }): void
    clearReporters(): void
    addReporter(reporter: { specDone(result: SpecResult): void }): void
    execute(): Promise<unknown>
  }
}
