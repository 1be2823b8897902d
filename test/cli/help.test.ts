/** The help of every command: its form, its examples, and that each example is a correct command line. */
import { spawnSync } from 'node:child_process'
import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { describe, expect, test } from 'vitest'
import { COMMANDS, defineCommand } from '../../src/cli/commands.js'
import { Context } from '../../src/cli/context.js'
import { EXAMPLES } from '../../src/cli/examples.js'
import { OTHER_WORDS } from '../../src/cli/given-command.js'
import { CatchdCommand } from '../../src/cli/help.js'
import { entryFrom, profileKeyOptions } from '../../src/cli/profile-keys.js'
import { GRANT_TYPES } from '../../src/config/grants.js'
import { groupedKeys, KEY_GROUPS, ProfileEntry } from '../../src/config/profile.js'
import { needs } from '../support/needs.js'
import { environment, PROGRAM } from '../support/program.js'
import { fakeDaemon, run } from './run.js'

let width = 80
const program = new CatchdCommand('catchd').exitOverride().configureOutput({
  writeErr: () => {},
  getOutHelpWidth: () => width,
})
for (const [name, { summary, group }] of Object.entries(COMMANDS)) {
  await defineCommand(program.command(name).summary(summary).helpGroup(`${group}:`), new Context('catchd'))
}

/** Every command that a help shows, by its words. */
const SHOWN = new Map(program.commands.flatMap((command) => shownIn(command, command.name())))

function shownIn(command: CommandUnknownOpts, path: string): [string, CommandUnknownOpts][] {
  const nested = command.createHelp().visibleCommands(command)
  return [[path, command], ...nested.flatMap((one) => shownIn(one, `${path} ${one.name()}`))]
}

function helpOf(command: CommandUnknownOpts): string {
  let text = ''
  const writeOut = (part: string) => {
    text += part
  }
  command.configureOutput({ writeOut }).outputHelp()
  return text
}

function disarm(command: CommandUnknownOpts): void {
  command.action(() => {}).exitOverride()
  for (const nested of command.commands) disarm(nested)
}

describe.each([...SHOWN])('catchd %s', (path, command) => {
  test('its help has one or two examples, which can be copied', () => {
    const examples = EXAMPLES[path] ?? []
    expect(examples.length).toBeGreaterThan(0)
    expect(examples.length).toBeLessThanOrEqual(2)
    for (const example of examples) expect(helpOf(command).split('\n')).toContain(`  ${example}`)
    expect(helpOf(command).match(/^Examples?:$/gm)).toHaveLength(1)
  })

  test.each([80, 50])('its help fits into %i columns', (columns) => {
    width = columns
    const copied = new Set((EXAMPLES[path] ?? []).map((example) => `  ${example}`))
    const tooLong = helpOf(command)
      .split('\n')
      // A name is never broken.
      .filter((line) => line.length > columns && !copied.has(line) && / \S+ /.test(line.trim()))
    width = 80
    expect(tooLong).toEqual([])
    expect([...copied].filter((line) => line.length > 80)).toEqual([])
  })

  test('its words are in the usual style', () => {
    const options = command.options.filter(({ hidden }) => !hidden)
    const texts = [command.summary(), ...options.map(({ description }) => description)]
    for (const text of texts) expect(text).toMatch(/^(?:[a-z$]|[A-Z][A-Za-z]*[A-Z]|JSON).*[^.]$/)
  })
})

test('no example belongs to a command that there is not', () => {
  expect(Object.keys(EXAMPLES).filter((path) => !SHOWN.has(path))).toEqual([])
})

describe('examples', () => {
  for (const command of program.commands) disarm(command)
  test.each(Object.values(EXAMPLES).flat())('%s', (example) => {
    const calls = [...example.matchAll(/(?:^|[^\w.-])catchd ((?:[^"')|]|"[^"]*")+)/g)]
    expect(calls).toHaveLength(1)
    const words = (calls[0]?.[1] ?? '').trim().split(/\s+/)
    expect(() => program.parse(words, { from: 'user' })).not.toThrow()
  })

  test('are parsed by a parser that refuses', () => {
    expect(() => program.parse(['token', 'gw', '--fromat', 'raw'], { from: 'user' })).toThrow()
  })
})

describe('on a terminal of 80 columns and 24 lines', () => {
  const onTerminal = (words: string) =>
    spawnSync(
      'script',
      ['-qfec', `stty cols 80 rows 24; '${process.execPath}' '${PROGRAM}' ${words}`, '/dev/null'],
      {
        env: environment({ TERM: 'xterm' }),
        encoding: 'utf8',
      },
    ).stdout.split('\r\n')

  test.skipIf(needs('script') !== undefined).each([
    ['--help', 'catchd --help | more'],
    ['profile add --help', 'All 59 options: catchd profile add --help | more'],
  ])('%s fits, and says how to get all of it', (words, more) => {
    const lines = onTerminal(words)
    // The last line has the prompt of the shell.
    expect(lines.length).toBeLessThanOrEqual(24)
    expect(lines.filter((line) => line.length > 80)).toEqual([])
    expect(lines.join('\n')).toContain(more.replace('59', String(Object.keys(ProfileEntry.shape).length + 4)))
  })

  test.skipIf(needs('script') !== undefined)('--help names every command', () => {
    const words = onTerminal('--help').join(' ').split(/\s+/)
    expect(Object.keys(COMMANDS).filter((name) => !words.includes(name))).toEqual([])
  })
})

describe('catchd help', () => {
  test.each(['profile add', 'token', 'profile', 'help'])('%s is the same as --help', async (path) => {
    const daemon = await fakeDaemon()
    const words = path.split(' ')
    const [help, option] = [await run(daemon, ['help', ...words]), await run(daemon, [...words, '--help'])]
    expect(help).toEqual({ exitCode: 0, stdout: option.stdout, stderr: '' })
    expect(help.stdout).toContain(`Usage: catchd ${path}`)
  })

  test.each([[['profile', 'help', 'add']], [['--help', 'profile', 'add']], [['profile', '-h', 'add']]])(
    'wherever the word is: %j',
    async (words) => {
      const { exitCode, stdout } = await run(await fakeDaemon(), words)
      expect({ exitCode, usage: stdout.split('\n')[0] }).toEqual({
        exitCode: 0,
        usage: 'Usage: catchd profile add [options] <name>',
      })
    },
  )

  test.each([
    [['nosuch'], "catchd: Unknown command 'nosuch'.\n  → catchd help\n"],
    [
      ['profile', 'ad'],
      "catchd: Unknown command 'profile ad'. Did you mean 'profile add'?\n  → catchd help profile\n",
    ],
    [['__proto__'], "catchd: Unknown command '__proto__'.\n  → catchd help\n"],
  ])('%j is exit code 2', async (words, stderr) => {
    expect(await run(await fakeDaemon(), ['help', ...words])).toEqual({ exitCode: 2, stdout: '', stderr })
  })

  test.each(Object.entries(OTHER_WORDS))('%s is a word of other programs for %s', (word, meant) => {
    expect([SHOWN.has(meant), Object.hasOwn(COMMANDS, word)]).toEqual([true, false])
  })

  test('is the next command after a word of other programs', async () => {
    const stderr = "catchd: Unknown command 'ls'. Did you mean 'profile list'?\n  → catchd profile list\n"
    expect(await run(await fakeDaemon(), ['ls'])).toEqual({ exitCode: 2, stdout: '', stderr })
  })
})

describe('the version', () => {
  test.each([['version'], ['-v'], ['--version']])('%s, also with an invalid environment', async (word) => {
    const { version } = (await import('../../package.json', { with: { type: 'json' } })).default
    const env = { CATCHD_HOM: '/x' }
    expect(await run(await fakeDaemon(), [word], { env })).toEqual({
      exitCode: 0,
      stdout: `${version}\n`,
      stderr: '',
    })
  })

  test('--json has it and nothing else', async () => {
    const { version } = (await import('../../package.json', { with: { type: 'json' } })).default
    const { stdout } = await run(await fakeDaemon(), ['version', '--json'])
    expect(JSON.parse(stdout)).toEqual({ version })
  })
})

describe('the keys of a profile', () => {
  test('each is in one group, and each group begins where the schema says', () => {
    expect(groupedKeys().map(({ key }) => key)).toEqual(Object.keys(ProfileEntry.shape))
    expect([...new Set(groupedKeys().map(({ group }) => group))]).toEqual(Object.keys(KEY_GROUPS))
  })

  test.each([
    ['device_code', 'urn:ietf:params:oauth:grant-type:device_code'],
    ['device-code', 'urn:ietf:params:oauth:grant-type:device_code'],
    ['token_exchange', 'urn:ietf:params:oauth:grant-type:token-exchange'],
    ['client_credentials', 'client_credentials'],
    ...GRANT_TYPES.map((grant) => [grant, grant]),
  ])('--grant %s is stored as %s', (given, stored) => {
    const option = profileKeyOptions().find(({ long }) => long === '--grant')
    const command = new CatchdCommand('add').exitOverride()
    if (option !== undefined) command.addOption(option)
    expect(entryFrom(command.parse(['--grant', given], { from: 'user' }).opts())).toEqual({ grant: stored })
  })

  test('--grant with another word is refused, with the choices and the nearest', async () => {
    const { exitCode, stderr } = await run(await fakeDaemon(), [
      'profile',
      'add',
      'gw',
      '--grant',
      'devise_code',
    ])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('Allowed choices are authorization_code, device_code, client_credentials')
    expect(stderr).toContain("Did you mean 'device_code'?")
  })
})
