/** The pictures of the documentation: small, described, and what the program really shows. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openOffice } from '../scripts/pictures/fictional-office.js'
import { FLOW_DRAWINGS } from '../scripts/pictures/flows.js'
import { recordSession, SESSION_FILE } from '../scripts/pictures/recorded-session.js'
import { SCREENSHOT_FILES } from '../scripts/pictures/screenshots.js'
import { keyringReason } from './support/keyring.js'
import { needs } from './support/needs.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const MADE = [SESSION_FILE, ...SCREENSHOT_FILES, ...FLOW_DRAWINGS.map(([path]) => path)]
const pages = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)]
  .filter((name) => name.endsWith('.md'))
  .map(textOf)

test('every picture is one that can be made again', () => {
  const there = readdirSync(join(ROOT, 'docs', 'images')).map((name) => `docs/images/${name}`)
  expect(there.sort()).toEqual([...MADE].sort())
})

test.each(MADE)('%s is small, and a page shows it with a description', (path) => {
  expect(statSync(join(ROOT, path)).size).toBeLessThan(150_000)
  const name = path.replace('docs/', '')
  const shown = pages.filter((page) => page.includes(name))
  expect(shown).not.toEqual([])
  const described = new RegExp(
    `!\\[[^\\]]{40,}\\]\\([^)]*${name}\\)|srcset="[^"]*${name}">\\s*<img [^>]*alt="[^"]{40,}"|<img src="[^"]*${name}" [^>]*alt="[^"]{40,}"`,
  )
  expect(shown.filter((page) => !described.test(page))).toEqual([])
})

const missing = keyringReason ?? needs('curl', 'openssl')

test.skipIf(missing !== undefined)('the terminal shows what the commands print today', async () => {
  const office = await openOffice()
  const recorded = await recordSession(office).finally(() => office.close())
  expect(recorded, 'to record it again: npm run pictures').toBe(textOf(SESSION_FILE))
})
