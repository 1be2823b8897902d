/**
 * Builds the documents of the repository into a site. The pages are the same files that people read in the checkout:
 * README.md is the first page, and docs/README.md is the map, from which the sidebar is made.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type DefaultTheme, defineConfig } from 'vitepress'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MAP = 'docs/README.md'
const TOOLS = 'docs/tools/README.md'

const textOf = (page: string) => readFileSync(join(ROOT, page), 'utf8')
const titleOf = (page: string) => /^# (.+)$/m.exec(textOf(page))?.[1] ?? page

/** Where a page of the repository is on the site. */
const addressOf = (page: string) => `/${page.replace(/README\.md$/, '').replace(/\.md$/, '')}`

/** The pages that a text links to, in its order, each once. */
function linkedPages(from: string, text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)#:\s]+\.md)\)/g)].map(([, target = '']) =>
    posix.join(posix.dirname(from), target),
  )
  return [...new Set(links)]
}

const entry = (page: string): DefaultTheme.SidebarItem => ({ text: titleOf(page), link: addressOf(page) })

/** A group for each section of the map; the pages about tools are below their own index. */
function sidebar(): DefaultTheme.SidebarItem[] {
  const sections = textOf(MAP).split(/^## /m).slice(1)
  return sections.map((section) => ({
    text: section.split('\n', 1)[0] ?? '',
    items: linkedPages(MAP, section).map((page) =>
      page === TOOLS
        ? {
            ...entry(page),
            collapsed: true,
            items: linkedPages(TOOLS, textOf(TOOLS)).filter(isTool).map(entry),
          }
        : entry(page),
    ),
  }))
}

/** As GitHub makes them, so that an anchor is the same there and here. */
const anchorOf = (title: string) =>
  title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

const isTool = (page: string) => page.startsWith(posix.dirname(TOOLS))

/** Files of the repository that pages link to and that are no pages. */
const linkedFiles = new Set<string>()

export default defineConfig({
  title: 'catchd',
  description: 'Catches OAuth redirects on localhost and hands fresh access tokens to local tools.',
  srcDir: '..',
  // Everything that is not documentation, whatever is added to the repository later.
  srcExclude: readdirSync(ROOT, { withFileTypes: true })
    .map(({ name }) => name)
    .filter((name) => name !== 'docs' && !name.endsWith('.md')),
  outDir: './dist',
  rewrites: (page) => page.replace(/README\.md$/, 'index.md'),
  lastUpdated: false,
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  markdown: {
    anchor: { slugify: anchorOf },
    config: (md) => {
      md.core.ruler.push('as-in-the-repository', ({ tokens, env }) => {
        const page = posix.relative(ROOT.replaceAll('\\', '/'), String(env.path).replaceAll('\\', '/'))
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          if (token.type === 'code_inline') token.attrSet('v-pre', '') // `{{…}}` is text, not Vue
          const href = token.attrGet('href')
          if (token.type !== 'link_open' || href === null || /^([a-z]+:|#)/.test(href)) continue
          if (/README\.md(#|$)/.test(href)) token.attrSet('href', href.replace('README.md', 'index.md'))
          else if (!/\.md(#|$)/.test(href)) {
            linkedFiles.add(posix.join(posix.dirname(page), href))
            token.attrSet('target', '_self') // a file, whose name stays as it is
          }
        }
      })
    },
  },
  buildEnd({ outDir }) {
    for (const file of linkedFiles) {
      if (!existsSync(join(ROOT, file))) throw new Error(`A page links to ${file}, which does not exist.`)
      mkdirSync(dirname(join(outDir, file)), { recursive: true })
      copyFileSync(join(ROOT, file), join(outDir, file))
    }
    console.log('The site is in site/dist. To read it with the search: npm run docs:serve')
  },
  // Pages can also be read without a server: only the search needs one.
  transformHtml(code, _id, { page, siteData }) {
    const up = '../'.repeat(page.split('/').length - 1) || './'
    return code
      .replaceAll(` href="${siteData.base}`, ` href="${up}`)
      .replaceAll(` src="${siteData.base}`, ` src="${up}`)
      .replaceAll(/ href="(\.\.?\/[^"]*\/|\.\/)"/g, ' href="$1index.html"')
  },
  themeConfig: {
    nav: [
      { text: 'Documentation', link: addressOf(MAP) },
      { text: 'Tools', link: addressOf(TOOLS) },
      { text: 'Security', link: '/SECURITY' },
      { text: 'Changes', link: '/CHANGELOG' },
    ],
    sidebar: [
      {
        text: 'catchd',
        items: [
          { ...entry('README.md'), text: 'What it is' },
          { ...entry(MAP), text: 'Find a page' },
        ],
      },
      ...sidebar(),
    ],
    outline: [2, 3],
    search: { provider: 'local' },
  },
})
