/** Whether a variable of the environment says yes: it is there, and neither empty nor 0. */
export function isSet(name: string): boolean {
  return !['', '0', undefined].includes(process.env[name])
}
