/** The documents as a set: every link and anchor leads somewhere, and every command that they name can be typed so. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command, CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { beforeAll, expect, test } from 'vitest'
import { COMMANDS } from '../../src/cli/commands.js'
import { Context } from '../../src/cli/context.js'
import { CatchdError, FAILURES } from '../../src/failures.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGES = [
  'README.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`),
].filter((name) => name.endsWith('.md'))

const textOf = (page: string) => readFileSync(join(ROOT, page), 'utf8')

/** As GitHub and most site generators make them of headings. */
function anchorsOf(page: string): Set<string> {
  const headings = [...textOf(page).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => title)
  return new Set(
    headings.map((title) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

test.each(PAGES)('%s: links lead somewhere', (page) => {
  const targets = [...textOf(page).matchAll(/\]\((?!https?:)([^)\s]+)/g)].map(([, target = '']) => target)
  const broken = targets.filter((target) => {
    const [path = '', anchor] = target.split('#')
    const file = path === '' ? page : relative(ROOT, resolve(ROOT, dirname(page), path))
    if (!existsSync(join(ROOT, file))) return true
    return anchor !== undefined && !anchorsOf(file).has(anchor)
  })
  expect(broken).toEqual([])
})

const program = new Command('catchd')
  .exitOverride()
  .configureOutput({ writeErr: () => {}, writeOut: () => {} })

beforeAll(async () => {
  const context = new Context('catchd')
  for (const [name, row] of Object.entries(COMMANDS)) {
    await (await row.load()).define(program.command(name), context)
  }
  const disarm = (command: CommandUnknownOpts) => {
    command.action(() => {}).exitOverride()
    for (const child of command.commands) disarm(child)
  }
  for (const command of program.commands) disarm(command)
})

/** Words as a shell makes them; what a person fills in (`N`, `GROUP:NAME`, `…`) stays. */
function wordsOf(command: string): string[] {
  const words = [...command.matchAll(/"[^"]*"|'[^']*'|\S+/g)].map(([word]) =>
    word.replaceAll(/^["']|["']$/g, ''),
  )
  return words.filter((word) => word !== '…')
}

/** A text may name a command without all that it needs. */
const NAMED_ONLY = ['commander.missingArgument', 'commander.missingMandatoryOptionValue', 'commander.help']

function refusalOf(command: string): string | undefined {
  const [, ...words] = wordsOf(command.replaceAll('\\|', '|').replace(/ (#|&&|\||<|>).*$/, ''))
  try {
    program.parse(words, { from: 'user' })
    return undefined
  } catch (error) {
    if (!(error instanceof CommanderError || error instanceof CatchdError)) throw error
    if (error instanceof CommanderError && error.exitCode === 0) return undefined // --help
    return NAMED_ONLY.includes(error.code) ? undefined : `${command}: ${error.message}`
  }
}

test.each(PAGES)('%s: its commands can be typed so', (page) => {
  const commands = [...textOf(page).matchAll(/`(catchd [a-z][^`]*)`|→ (catchd [^`\n]*)/g)]
  const refusals = commands.map(([, inText = '', next]) => refusalOf((next ?? inText).replaceAll('\n', ' ')))
  expect(refusals.filter((refusal) => refusal !== undefined)).toEqual([])
})

test('the commands that failures name as the next one can be typed so', () => {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  const next = sources.flatMap((name) => {
    const text = textOf(join('src', name)).replaceAll(/\$\{[^{}]*\}/g, 'NAME')
    return [...text.matchAll(/(?:next\b.*|→ )(['"`]?)(catchd [a-z-]+(?: [^'"`]+)?)\1/g)].map(
      ([, , command = '']) => command,
    )
  })
  expect(next.length).toBeGreaterThan(80)
  expect(next.map(refusalOf).filter((refusal) => refusal !== undefined)).toEqual([])
})

test.each(PAGES)(
  '%s: the failures that it shows have a title of the catalogue, or are whole sentences',
  (page) => {
    const titles: string[] = Object.values(FAILURES).map(({ title }) => title)
    const shown = [...textOf(page).matchAll(/^catchd: (.+)$/gm)].map(([, text = '']) => text)
    const isSentence = (text: string) => /^[A-Z].*[.?…]$/.test(text)
    const isTitled = (text: string) => titles.includes(text.split(':')[0] ?? '')
    expect(shown.filter((text) => !isTitled(text) && !isSentence(text))).toEqual([])
  },
)

test.each(['docs/README.md', 'docs/tools/README.md'])('%s leads to every page of its folder', (index) => {
  const folder = dirname(index)
  const missing = PAGES.filter((page) => dirname(page) === folder && page !== index).filter(
    (page) => !textOf(index).includes(`(${relative(folder, page)})`),
  )
  expect(missing).toEqual([])
})

/** The promises of SECURITY.md by their anchors, each with its text. */
function promises(): Map<string, string> {
  const [, promised = ''] = /^## What is promised$(.*?)^## /ms.exec(textOf('SECURITY.md')) ?? []
  const sections = promised.split(/^### /m).slice(1)
  return new Map(
    sections.map((section) => {
      const [title = ''] = section.split('\n', 1)
      return [title.toLowerCase().replaceAll(' ', '-').replaceAll(',', ''), section]
    }),
  )
}

test.each([...promises()])('SECURITY.md#%s names tests that exist', (_anchor, section) => {
  const [, files = ''] = /^Tests: (.*?)\.$/ms.exec(section) ?? []
  const named = [...files.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path)
  expect(named.length).toBeGreaterThan(0)
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
})

test('comments cite anchors that SECURITY.md has, and each promise is cited', () => {
  const anchors = anchorsOf('SECURITY.md')
  const cited = new Set<string>()
  for (const folder of ['src', 'test']) {
    for (const name of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue
      for (const [, anchor = ''] of textOf(join(folder, name)).matchAll(/SECURITY\.md#([a-z0-9-]+)/g)) {
        cited.add(anchor)
      }
    }
  }
  expect([...cited].filter((anchor) => !anchors.has(anchor))).toEqual([])
  expect([...promises().keys()].filter((anchor) => !cited.has(anchor))).toEqual([])
})
