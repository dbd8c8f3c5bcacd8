import { spawn } from 'node:child_process'

/** How a program ended. */
export interface Outcome {
  /** exit status; undefined where it could not be started or a signal ended it */
  readonly code?: number
  readonly signal?: NodeJS.Signals
  /** stdout and stderr together */
  readonly output: string
  /** the program is not there, or may not be executed */
  readonly missing: boolean
}

/** Runs a program without a shell and gathers what it says. Never rejects: how it ended is the result. */
export function runProgram(
  command: string,
  args: readonly string[],
  { env = {}, cwd }: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const gather = (chunk: Buffer) => {
      output += chunk.toString()
    }
    child.stdout.on('data', gather)
    child.stderr.on('data', gather)
    child.on('error', (error) => resolve({ output: error.message, missing: true }))
    child.on('close', (code, signal) =>
      resolve({ code: code ?? undefined, signal: signal ?? undefined, output, missing: false }),
    )
  })
}

/** A program with its leading arguments: `['python3', '-m', 'pip']`. */
export type Program = readonly [string, ...string[]]

/** The first of the programs that answers to `--version`, or undefined. */
export async function firstThatRuns(candidates: readonly Program[]): Promise<Program | undefined> {
  for (const candidate of candidates) {
    const [command, ...args] = candidate
    const outcome = await runProgram(command, [...args, '--version'])
    if (outcome.code === 0) return candidate
  }
  return undefined
}

/** The last line that says something: what a program that failed usually ends with. */
export function lastLine(output: string): string {
  const lines = output.split('\n').map((line) => line.trim())
  return lines.filter(Boolean).at(-1) ?? 'no output'
}
