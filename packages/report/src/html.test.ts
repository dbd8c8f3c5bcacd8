import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { escaped, jsonForScript, renderPage } from './html.js'

const evil = '</script><img src=x onerror=alert(1)>\u2028<!--'

test('data cannot close the script element', () => {
  const text = jsonForScript({ evil })
  expect(text).not.toMatch(/[<>&\u2028]/)
  expect(JSON.parse(text)).toEqual({ evil })
})

test('a title is escaped', () => {
  expect(escaped(`<b>"a" & 'b'</b>`)).toBe('&lt;b&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/b&gt;')
})

test('a page is self-contained, and its policy only allows its own script', () => {
  const data = { title: evil, made: 0, live: false, runs: [] }
  const html = renderPage(data, { script: 'const a = "</script>"', style: 'a{}</style>' })
  expect(html).not.toContain('<img')
  expect(html.match(/<script/g)).toHaveLength(2)
  expect(html.match(/<\/style>/g)).toHaveLength(1)
  const script = /<script>([\s\S]*?)<\/script>/.exec(html)![1]!
  expect(html).toContain(`'sha256-${createHash('sha256').update(script).digest('base64')}'`)
  expect(html).toContain("connect-src 'none'")
  expect(renderPage({ ...data, live: true }, { script: '', style: '' })).toContain("connect-src 'self'")
})
