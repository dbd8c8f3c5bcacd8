/** Whether an environment variable is set to a value other than empty or 0. */
export function isSet(name: string): boolean {
  return !['', '0', undefined].includes(process.env[name])
}
