/** How people name a browser in CATCHD_BROWSER and BROWSER, and what is started then. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { chosenBrowser } from '../../src/browser/browser-command.js'
import { browserOpener } from '../../src/browser/browser-opener.js'

const INSTALLED = [
  'firefox',
  'open',
  '/opt/My Browser/chrome',
  '/opt/odd:name/browser',
  'C:\\Program Files\\b.exe',
]

const opener = (command: string | undefined, env: NodeJS.ProcessEnv, place = 'CATCHD_BROWSER') =>
  browserOpener({ command, place }, env)

function chosen(named: { command?: string; BROWSER?: string }, platform: NodeJS.Platform = 'linux'): unknown {
  const { command, BROWSER } = named
  const isProgram = (name: string) => INSTALLED.includes(name)
  const found = chosenBrowser({ command, place: 'CATCHD_BROWSER', env: { BROWSER }, isProgram, platform })
  return typeof found === 'object' ? [found.program, ...found.args] : found
}

test.each([
  ['firefox', ['firefox']],
  ['firefox --new-tab', ['firefox', '--new-tab']],
  ['  firefox   -P work  ', ['firefox', '-P', 'work']],
  ['/opt/My Browser/chrome', ['/opt/My Browser/chrome']],
  ['/opt/My Browser/chrome --incognito %s', ['/opt/My Browser/chrome', '--incognito', '%s']],
  ['"/opt/My Browser/chrome" --incognito', ['/opt/My Browser/chrome', '--incognito']],
  ["'/opt/My Browser/chrome'", ['/opt/My Browser/chrome']],
  ['/opt/My\\ Browser/chrome -x', ['/opt/My Browser/chrome', '-x']],
  ['open -a "Google Chrome"', ['open', '-a', 'Google Chrome']],
  ['open -a \'It is "it"\' --args x\\"y', ['open', '-a', 'It is "it"', '--args', 'x"y']],
  ['firefox --profile="my profile" %s', ['firefox', '--profile=my profile', '%s']],
  ['firefox "" x', ['firefox', '', 'x']],
  ['firefox %s &', ['firefox', '%s']],
  ['firefox -P work:1', ['firefox', '-P', 'work:1']],
  ['nowhere "a b', ['nowhere', '"a', 'b']],
  ['/opt/No Browser/chrome', ['/opt/No', 'Browser/chrome']],
  ['none', 'none'],
  ['', undefined],
  ['   ', undefined],
])('CATCHD_BROWSER=%s', (command, expected) => {
  expect(chosen({ command })).toEqual(expected)
})

test.each([
  ['w3m:firefox', ['firefox']],
  ['lynx:/opt/My Browser/chrome -x:firefox', ['/opt/My Browser/chrome', '-x']],
  [':firefox', ['firefox']],
  ['"open" -a "a:b":firefox', ['open', '-a', 'a:b']],
  ['/opt/odd:name/browser', ['/opt/odd:name/browser']],
  ['w3m:lynx', ['w3m']],
  ['none', 'none'],
  [':', undefined],
])('BROWSER=%s', (BROWSER, expected) => {
  expect(chosen({ BROWSER })).toEqual(expected)
})

test('CATCHD_BROWSER goes before BROWSER, also when it cannot be run', () => {
  expect(chosen({ command: 'nowhere', BROWSER: 'firefox' })).toEqual(['nowhere'])
})

test.each([
  ['C:\\Program Files\\b.exe', ['C:\\Program Files\\b.exe']],
  ['"C:\\Program Files\\b.exe" -x "a b"', ['C:\\Program Files\\b.exe', '-x', 'a b']],
])('on Windows a colon and a backslash belong to a path: %s', (BROWSER, expected) => {
  expect(chosen({ BROWSER }, 'win32')).toEqual(expected)
})

describe.skipIf(process.platform === 'win32')('what is started', () => {
  /** A browser whose path has a space; it writes its arguments, one a line. */
  function browser() {
    const folder = mkdtempSync(join(tmpdir(), 'catchd-browser-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const program = join(folder, 'my browser', 'run')
    mkdirSync(join(folder, 'my browser'))
    writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$@" > "$0.part" && mv "$0.part" "$0.args"\n`)
    chmodSync(program, 0o755)
    return {
      program,
      seen: () => (existsSync(`${program}.args`) ? readFileSync(`${program}.args`, 'utf8') : ''),
    }
  }
  const URL_WITH_SIGNS = 'https://id.example.com/a?b=c%20d&e=$(f)$&%s'

  test('a path with a space from a list, and an argument in quotes', async () => {
    const { program, seen } = browser()
    const env = {
      BROWSER: `nowhere-to-be-found:${program} --profile "my work" %s:other`,
      PATH: process.env['PATH'],
    }
    await opener(undefined, env)(URL_WITH_SIGNS)
    await expect.poll(seen).toBe(`--profile\nmy work\n${URL_WITH_SIGNS}\n`)
  })

  test('without %s the URL comes last', async () => {
    const { program, seen } = browser()
    await opener(`"${program}" --new`, { PATH: process.env['PATH'] })(URL_WITH_SIGNS)
    await expect.poll(seen).toBe(`--new\n${URL_WITH_SIGNS}\n`)
  })

  test.each([
    ['nosuch', {}, 'Browser command not found: nosuch (from CATCHD_BROWSER).'],
    [undefined, { BROWSER: 'no:such' }, 'Browser command not found: no (from BROWSER).'],
    ['/usr/bin', {}, 'The browser command /usr/bin (from CATCHD_BROWSER) cannot be started (EACCES).'],
    ['false', {}, 'The browser command false (from CATCHD_BROWSER) ended at once with exit code 1.'],
    ['sh -c "kill $$"', {}, 'The browser command sh (from CATCHD_BROWSER) was ended by SIGTERM.'],
  ])('%s with %j is named with its variable and the cause', async (command, env, message) => {
    const opened = opener(command, { PATH: process.env['PATH'], ...env })('https://id.example.com/')
    await expect(opened).rejects.toThrow(message)
  })

  const AGAIN = 'CATCHD_BROWSER=COMMAND catchd daemon restart'
  const IN_FILE = 'catchd config set daemon.browser COMMAND'
  test.each([
    ['CATCHD_BROWSER', 'nosuch', {}, AGAIN],
    ['daemon.browser', 'nosuch', { BROWSER: 'true' }, IN_FILE],
    ['BROWSER', undefined, { BROWSER: 'nosuch' }, IN_FILE],
  ])('%s is changed where it counts', async (source, command, env, next) => {
    const place = source === 'CATCHD_BROWSER' ? source : 'daemon.browser'
    const opened = opener(command, { PATH: process.env['PATH'], ...env }, place)('https://id.example.com/')
    await expect(opened).rejects.toMatchObject({
      message: `Browser command not found: nosuch (from ${source}).`,
      next,
    })
  })
})
