/** The documents as a set: every link leads somewhere, and every command that they name is there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { COMMANDS } from '../../src/cli/commands.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGES = [
  'README.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`),
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

test.each(['docs/README.md', 'docs/tools/README.md'])('%s leads to every page of its folder', (index) => {
  const folder = dirname(index)
  const missing = PAGES.filter((page) => dirname(page) === folder && page !== index).filter(
    (page) => !textOf(index).includes(`(${relative(folder, page)})`),
  )
  expect(missing).toEqual([])
})
