/** Control characters (C0 but line feed, DEL, C1) and those that turn the direction of writing. */
const hidden = /(?!\n)[\p{Cc}\p{Bidi_Control}]/gu

/**
 * Text as a terminal may get it. Names of files and folders are anybody's: an escape sequence in one could recolour,
 * overwrite or retitle the terminal, and is shown as `\x1b[2J` instead. Line feeds stay, for messages of several lines.
 */
export function printable(text: string): string {
  return text.replace(hidden, (character) => {
    const code = character.codePointAt(0)!
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

/** The same for one line: a name with a line feed could feign a line of the program's own. */
export function printableLine(text: string): string {
  return printable(text).replaceAll('\n', '\\n')
}
