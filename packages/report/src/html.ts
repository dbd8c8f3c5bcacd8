import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { builtFile } from './built-file.js'
import type { PageData } from './page-data.js'

/** Script and style sheet of a page. */
export interface PageParts {
  readonly script: string
  readonly style: string
}

/** Reads the built script and style sheet. @throws SelfsupError if the package was not built */
export async function pageParts(): Promise<PageParts> {
  const [script, style] = await Promise.all(
    ['page.js', 'page.css'].map((name) => readFile(builtFile(name), 'utf8')),
  )
  return { script: script!, style: style! }
}

/**
 * Renders a self-contained page. Its content security policy only allows its own script and, if live, requests to its server.
 */
export function renderPage(data: PageData, { script, style }: PageParts): string {
  const code = script.replace(/<\/(script)/gi, '<\\/$1').replace(/<!--/g, '<\\!--')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy(code, data.live)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="Selfsup">
<title>${escaped(data.title)}</title>
<link rel="icon" href="data:,">
<style>${style.replace(/<\//g, '<\\/')}</style>
</head>
<body>
<div id="page"></div>
<noscript><p style="margin:2rem">This page needs JavaScript to draw its charts. Enable JavaScript and reload the page.</p></noscript>
<script type="application/json" id="data">${jsonForScript(data)}</script>
<script>${code}</script>
</body>
</html>
`
}

function policy(script: string, live: boolean): string {
  const hash = createHash('sha256').update(script).digest('base64')
  const connect = live ? "'self'" : "'none'"
  return [
    "default-src 'none'",
    `script-src 'sha256-${hash}'`,
    "style-src 'unsafe-inline'",
    'img-src data: blob:',
    `connect-src ${connect}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
}

/** Escapes text for HTML elements and attributes. */
export function escaped(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']/g, (character) => entities[character]!)
}

/** Serialises a value as JSON that can't close its script element and is valid JavaScript. */
export function jsonForScript(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
