/** The documents as a set: every link leads somewhere, and every command that they name is there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { COMMANDS } from '../../src/cli/commands.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGES = [
  'README.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`),
].filter((name) => name.endsWith('.md'))

const textOf = (page: string) => readFileSync(join(ROOT, page), 'utf8')

test.each(PAGES)('%s: links lead somewhere', (page) => {
  const targets = [...textOf(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target = '']) => target)
  const broken = targets.filter((target) => !existsSync(resolve(ROOT, dirname(page), target)))
  expect(broken).toEqual([])
})

test.each(PAGES)('%s: its commands are commands', (page) => {
  const named = [...textOf(page).matchAll(/(?:^\$ |`|→ |&& )catchd ([a-z][a-z-]*)/gm)].map(
    ([, name = '']) => name,
  )
  const unknown = named.filter((name) => name !== 'help' && !Object.hasOwn(COMMANDS, name))
  expect(unknown).toEqual([])
})

test('every page of docs/ can be found from docs/README.md', () => {
  const index = textOf('docs/README.md')
  const missing = PAGES.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md').filter(
    (page) => !index.includes(`(${page.slice('docs/'.length)})`),
  )
  expect(missing).toEqual([])
})
