/** The site that `npm run docs` builds: whole, linked, searchable, and without anything of other servers. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SITE = join(ROOT, 'site', 'dist')

let files: string[]
let pages: ReadonlyMap<string, string>

beforeAll(async () => {
  await promisify(execFile)('npm', ['run', 'docs'], { cwd: ROOT }) // rejects if the generator finds a dead link
  files = readdirSync(SITE, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'))
  const html = files.filter((name) => name.endsWith('.html') && name !== '404.html')
  pages = new Map(html.map((name) => [name, readFileSync(join(SITE, name), 'utf8')]))
})

const documents = () =>
  readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.md'),
  )

test('every document is a page, and nothing else is', () => {
  const top = readdirSync(ROOT).filter((name) => name.endsWith('.md'))
  const expected = [...top, ...documents().map((name) => `docs/${name}`)]
  const names = expected.map((name) => name.replace(/README\.md$/, 'index.md').replace(/\.md$/, '.html'))
  expect([...pages.keys()].sort()).toEqual(names.sort())
})

test('every link and picture of a page leads to a file, and every anchor to an element', () => {
  const broken: string[] = []
  for (const [page, html] of pages) {
    for (const [, reference = ''] of html.matchAll(/ (?:href|src|srcset)="([^"]+)"/g)) {
      if (/^(https?:|data:)/.test(reference)) continue
      const [path = '', anchor] = reference.split('#')
      const named = path === '' ? page : posix.join(posix.dirname(page), path)
      const file = named.endsWith('/') ? posix.join(named, 'index.html') : named
      const isThere = statSync(join(SITE, file), { throwIfNoEntry: false })?.isFile()
      const hasAnchor = anchor === undefined || anchor === '' || pages.get(file)?.includes(` id="${anchor}"`)
      if (!isThere || !hasAnchor) broken.push(`${page}: ${reference}`)
    }
  }
  expect(broken).toEqual([])
})

test('the sidebar leads to every page that the map names', () => {
  const sidebar = pages.get('docs/index.html') ?? ''
  const missing = [...pages.keys()].filter(
    (name) => name.startsWith('docs/') && !sidebar.includes(`href="../${name}"`),
  )
  expect(missing).toEqual([])
})

test('the search finds words of the pages', () => {
  const [index] = files.filter((name) => /localSearchIndex.*\.js$/.test(name))
  const text = readFileSync(join(SITE, index ?? ''), 'utf8')
  expect(['verifier', 'webmethods', 'libsecret'].filter((word) => !text.includes(`"${word}"`))).toEqual([])
})

test('a reader asks no other server for anything', () => {
  const foreign: string[] = []
  for (const name of files.filter((file) => /\.(html|css)$/.test(file))) {
    const text = readFileSync(join(SITE, name), 'utf8')
    const loads = [
      ...text.matchAll(
        /<(?:link|script|img|source|iframe)[^>]+(?:href|src|srcset)="((?:https?:)?\/\/[^"]+)"/g,
      ),
      ...text.matchAll(/url\(["']?((?:https?:)?\/\/[^)]+)\)/g),
      ...text.matchAll(/@import ["'](https?:[^"']+)/g),
    ]
    foreign.push(...loads.map(([, url]) => `${name}: ${url}`))
  }
  expect(foreign).toEqual([])
})
