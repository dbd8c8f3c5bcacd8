import { existsSync, statSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { root } from './repository.js'

/** Pages of the site that are made of one file of the repository, by the path of that file. */
const pages: Readonly<Record<string, string>> = {
  'README.md': '/',
  'ARCHITECTURE.md': '/architecture',
  'CONTRIBUTING.md': '/guide/contributing',
  'examples/README.md': '/examples',
  'docs/pages/methods': '/methods/',
  'tooling/bench/RESULTS.md': '/benchmarks',
}

/** The page of the site that shows a file of the repository; undefined where none does. */
function pageOf(path: string): string | undefined {
  const text = /^docs\/pages\/(.+?)(\/index)?\.md$/.exec(path)
  if (text) return text[2] ? `/${text[1]}/` : `/${text[1]}`
  const ofPackage = /^packages\/([a-z-]+)(\/README\.md)?$/.exec(path)
  return pages[path] ?? (ofPackage ? `/packages/${ofPackage[1]}` : undefined)
}

/** A Markdown text for the site, and the images that it shows. */
export interface Rewritten {
  readonly text: string
  /** paths within the repository; the text shows each as `/assets/PATH` */
  readonly images: readonly string[]
}

/**
 * Makes the relative links of a Markdown file of the repository fit the site: to the page that shows the linked file, or,
 * where no page does, the file's path as code.
 *
 * @param text Markdown
 * @param path where it stands in the repository
 * @throws Error naming the link when there is no such file
 */
export function rewriteLinks(text: string, path: string): Rewritten {
  const images: string[] = []
  const rewrite = (bang: string, label: string, target: string): string => {
    if (/^([a-z]+:|#|\/)/.test(target)) return `${bang}[${label}](${target})`
    const [file = '', anchor] = target.split('#')
    const linked = posix.normalize(posix.join(dirname(path), file)).replace(/\/$/, '')
    if (!existsSync(join(root, linked)))
      throw new Error(`${path}: there is no ${linked} to link to (${target})`)
    if (bang) {
      images.push(linked)
      return `![${label}](/assets/${linked})`
    }
    const readme = `${linked}/README.md`
    const folder = statSync(join(root, linked)).isDirectory()
    const page = pageOf(linked) ?? (folder ? pageOf(readme) : undefined)
    if (page) return `[${label}](${page}${anchor ? `#${anchor}` : ''})`
    if (/\.(svg|png)$/.test(linked)) {
      images.push(linked)
      return `[${label}](/assets/${linked}){target="_self"}`
    }
    return label.includes('`') || label === linked ? label : `${label} (\`${linked}\`)`
  }
  const parts = text.split(/^(```[\s\S]*?^```$)/m)
  const rewritten = parts.map((part, i) =>
    i % 2 === 1
      ? part
      : part.replace(/(!?)\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)/g, (_, bang, label, target) =>
          rewrite(bang, label, target),
        ),
  )
  return { text: rewritten.join(''), images }
}
