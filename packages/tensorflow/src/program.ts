import { spawn } from 'node:child_process'

/** The result of running a program. */
export interface Outcome {
  /** exit status; undefined if the program could not be started or was ended by a signal */
  readonly code?: number
  readonly signal?: NodeJS.Signals
  /** stdout and stderr together */
  readonly output: string
  /** the program does not exist or is not executable */
  readonly missing: boolean
}

/** Runs a program without a shell and collects its output. Never rejects: failures are part of the result. */
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

/** The first program for which `--version` succeeds, or undefined. */
export async function firstThatRuns(candidates: readonly Program[]): Promise<Program | undefined> {
  for (const candidate of candidates) {
    const [command, ...args] = candidate
    const outcome = await runProgram(command, [...args, '--version'])
    if (outcome.code === 0) return candidate
  }
  return undefined
}

/** The last nonempty line, which is usually the error message of a program that failed. */
export function lastLine(output: string): string {
  const lines = output.split('\n').map((line) => line.trim())
  return lines.filter(Boolean).at(-1) ?? 'no output'
}
