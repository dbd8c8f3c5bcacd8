import { existsSync, readFileSync } from 'node:fs'
import { katex } from '@mdit/plugin-katex-slim'
import { defineConfig } from 'vitepress'
import type { Navigation } from '../site/stage.js'

// site/stage.ts copies this file and the generated navigation next to the staged pages.
const navigation: Navigation = JSON.parse(readFileSync(new URL('./navigation.json', import.meta.url), 'utf8'))
const page = (text: string, link: string) => ({ text, link })

const guide = [
  page('Your images in five minutes', '/guide/getting-started'),
  page('Your own images', '/guide/own-images'),
  page('Choosing a method', '/guide/choosing-a-method'),
  page('Start from a pretrained model', '/guide/pretrained-models'),
  page('Evaluation protocols', '/guide/evaluation'),
  page('In the browser', '/guide/browser'),
  page('Engines and GPUs', '/guide/engines'),
  page('Mixed precision', '/guide/mixed-precision'),
  page('Several workers', '/guide/several-workers'),
  page('Writing a method', '/guide/writing-a-method'),
  page('Features in Python', '/guide/python'),
  page('Models in other programs', '/guide/exporting'),
  page('Errors and answers', '/guide/faq'),
]
const project = [
  page('Examples', '/examples'),
  page('Architecture', '/architecture'),
  page('Benchmark results', '/benchmarks'),
  page('Contributing', '/guide/contributing'),
]

export default defineConfig({
  title: 'Selfsup',
  description: 'Self-supervised learning on images for TypeScript',
  lang: 'en',
  base: process.env.DOCS_BASE ?? '/',
  cleanUrls: false,
  head: [['link', { rel: 'icon', href: 'data:,' }]], // or browsers ask for /favicon.ico
  themeConfig: {
    nav: [
      page('Guide', '/guide/getting-started'),
      page('Methods', '/methods/'),
      page('Packages', '/packages/'),
      page('API', '/api/'),
      // Quick builds have no playground.
      ...(process.env.DOCS_QUICK ? [] : [{ text: 'Playground', link: '/playground/', target: '_self' }]),
    ],
    sidebar: [
      { text: 'Guide', items: guide },
      {
        text: 'Methods',
        collapsed: true,
        items: [
          page('All methods', '/methods/'),
          ...navigation.methods.map((name) => page(name, `/methods/${name}`)),
        ],
      },
      {
        text: 'Packages',
        collapsed: true,
        items: navigation.packages.map(({ folder, name }) => page(name, `/packages/${folder}`)),
      },
      {
        text: 'API',
        collapsed: true,
        items: navigation.packages
          .filter(({ folder }) => existsSync(new URL(`../api/${folder}.md`, import.meta.url)))
          .map(({ folder, name }) => page(name, `/api/${folder}`)),
      },
      { text: 'Project', items: project },
    ],
    search: { provider: 'local' },
    outline: [2, 3],
  },
  markdown: {
    config: (markdown) => {
      // As MathML, which browsers draw by themselves: no style sheet and no fonts.
      markdown.use(katex, {
        output: 'mathml',
        throwOnError: true,
        transformer: (html: string) => html.replace('<span class="katex"', '<span v-pre class="katex"'),
      })
    },
  },
  vite: {
    logLevel: 'warn',
    build: {
      chunkSizeWarningLimit: 4000,
      ...(process.env.DOCS_QUICK ? { minify: false, cssMinify: false } : {}),
    },
  },
})
