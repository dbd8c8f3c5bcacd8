/** Control characters (C0 except line feed, DEL, C1) and characters that change the writing direction. */
const hidden = /(?!\n)[\p{Cc}\p{Bidi_Control}]/gu

/**
 * Escapes control characters, so that text is safe to print on a terminal. An escape sequence in a file name could recolour,
 * overwrite or retitle the terminal; it is printed as `\x1b[2J`. Line feeds stay, for messages of several lines.
 */
export function printable(text: string): string {
  return text.replace(hidden, (character) => {
    const code = character.codePointAt(0)!
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

/** Like `printable`, and escapes line feeds: a name with a line feed could imitate a line of the program's output. */
export function printableLine(text: string): string {
  return printable(text).replaceAll('\n', '\\n')
}
