/**
 * Every command that a page shows does what the page says, and its output has the shape that is printed there; every
 * piece of configuration is valid. What cannot run here is listed with its reason.
 *
 * docs/tools/ and docs/providers.md have tests of their own.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { parse as parseJsonc } from 'jsonc-parser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Configuration } from '../../src/config/file.js'
import { ProfileEntry } from '../../src/config/profile.js'
import { GATEWAY_PATHS } from '../../src/demo/gateway.js'
import { TokenAnswer } from '../../src/http/api/token-answer.js'
import { DocumentedWorld } from '../support/documented-world.js'
import { type MarkdownBlock, markdownBlocks } from '../support/markdown-blocks.js'
import { needs } from '../support/needs.js'
import { SSHD } from '../support/sshd.js'

const PAGES = ['README.md', 'SECURITY.md', ...readdirSync('docs').map((name) => `docs/${name}`)].filter(
  (name) => name.endsWith('.md') && name !== 'docs/providers.md',
)

/** As in a container: no network of this machine, where this user may have none. */
const OWN_NETWORK =
  spawnSync('unshare', ['--map-root-user', '--net', 'true']).status === 0
    ? 'unshare --map-root-user --net'
    : ''

/** What pages say, and what it is here. The first that fits counts. */
function substitutes(world: DocumentedWorld): readonly (readonly [string, string])[] {
  const { gateway, issuer, mcp, sshd, home } = world
  return [
    ['https://gw.example.com:5543/gateway/orders/1.0/orders', gateway.baseUrl + GATEWAY_PATHS.resource],
    ['https://gw.example.com/orders', gateway.baseUrl + GATEWAY_PATHS.resource],
    ['https://gw.example.com:5543', gateway.baseUrl],
    ['https://mcp.example.com/mcp', mcp.url],
    ['mcp.example.com', new URL(mcp.url).host.replace(':', '-')],
    ['https://id.example.com/authorize', `${issuer.issuer}/auth`],
    ['https://id.example.com', issuer.issuer],
    ['https://id.corp.example', issuer.issuer],
    ['tools:read tools:call offline_access', '…'],
    ['dcr-7f3a…', '…'],
    ['NAME', 'gw'],
    // A person types it.
    ['catchd profile set-secret gw', 'catchd profile set-secret gw --stdin < secret.txt'],
    ['me@build.example.com', sshd?.destination ?? ''],
    ['/home/me/.local/state', sshd?.home ?? ''],
    ['~/.local/state', sshd?.home ?? ''],
    ['/home/me', home],
    ['http://127.0.0.1:7636', `http://127.0.0.1:${world.apiPort}`],
    ['the login keychain (service catchd)', 'the sealed file vault'],
    [
      'docker run --rm --user "$(id -u)" -v ~/.local/share/catchd-dev:/catchd -e CATCHD_HOME=/catchd IMAGE',
      `CATCHD_HOME=~/.local/share/catchd-dev ${OWN_NETWORK}`,
    ],
    ['/catchd/run/catchd.sock', '~/.local/share/catchd-dev/run/catchd.sock'],
  ]
}

const MKCERT =
  "it teaches this machine's browsers to trust an authority; test/flows/https-redirect.test.ts makes the files"
const SOAK = 'runs for minutes; its short form is test/flows/crash.test.ts'
const NO_SYSTEM_CHANGE = 'it would change what this whole machine trusts'
const INSTALLED = 'test/package.test.ts installs it into an empty prefix'
const FUZZ = 'its short form is test/fuzz/fuzz.test.ts'

/** By the exact line, without its comment: why it cannot run here. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'npm run demo': 'prepares this folder; what it runs then is the next test',
  'npm install --global .': INSTALLED,
  'npm run build && npm pack --ignore-scripts': INSTALLED,
  'npm install --global ./catchd-*.tgz': INSTALLED,
  'catchd init': 'asks at a terminal: test/flows/init.test.ts answers',
  'npm run soak': SOAK,
  'npm run soak -- --rounds 500 --vault file --step "refresh answered"': SOAK,
  'npm run soak -- --only windows': SOAK,
  'npx vitest run test/flows/crash.test.ts': 'it is one of these tests',
  'npx vitest run test/fuzz': 'it is one of these tests',
  'npm run fuzz -- --count 100000': FUZZ,
  'npm run fuzz -- --target token-answers --seed 7': FUZZ,
  'mkcert -install': MKCERT,
  'mkcert -cert-file localhost.pem -key-file localhost.key localhost 127.0.0.1 ::1': MKCERT,
  'mkcert -cert-file app.pem -key-file app.key app.example.test': MKCERT,
  'sudo cp company-ca.crt /usr/local/share/ca-certificates/ && sudo update-ca-certificates': NO_SYSTEM_CHANGE,
  'sudo cp company-ca.crt /etc/pki/ca-trust/source/anchors/ && sudo update-ca-trust': NO_SYSTEM_CHANGE,
  'curl --header "$(catchd token crm --format header)" "$(catchd token crm --member instance_url)/services/data/v62.0/limits"':
    'the gateway says nothing beside its tokens; test/cli/token.test.ts has the option',
  'gh codespace ssh --config >> ~/.ssh/config': 'needs an account at GitHub',
}

interface DocumentedCommand {
  readonly file: string
  readonly line: string
  /** What came before it in its block and counts for it: `cd`, `export`. */
  readonly before: readonly string[]
  readonly output: readonly string[]
}

function commandsOf(block: MarkdownBlock): DocumentedCommand[] {
  const isConsole = block.language === 'console'
  const lines = block.text
    .replaceAll(/ \\\n +/g, ' ')
    .trimEnd()
    .split('\n')
  const commands: { file: string; line: string; before: string[]; output: string[] }[] = []
  const before: string[] = []
  for (const text of lines) {
    const isCommand = isConsole ? text.startsWith('$ ') : text !== '' && !text.startsWith('#')
    if (!isCommand) {
      if (isConsole) commands.at(-1)?.output.push(text)
      continue
    }
    const line = text.replace(/^\$ /, '').replace(/ +# .*$/, '')
    commands.push({ file: block.file, line, before: [...before], output: [] })
    if (/^(cd|export) /.test(line)) before.push(line)
  }
  return commands
}

/** Numbers, random names and what `…` stands for may differ. */
function shapeOf(line: string): RegExp {
  const pattern = line
    .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll(/[0-9a-f]{8,}|\d+/g, (found) => (found.length < 8 ? '\\d+' : '[0-9a-f]+'))
    .replaceAll('…', '.*')
    .replaceAll(/ +/g, ' +')
  return new RegExp(`^${pattern}$`, 'm')
}

const BLOCKS = PAGES.flatMap((page) => markdownBlocks(page))
const COMMANDS = BLOCKS.filter(({ language }) => language === 'sh' || language === 'console').flatMap(
  commandsOf,
)

let world: DocumentedWorld
beforeAll(async () => {
  if (missing === undefined) world = await DocumentedWorld.start()
})
afterAll(() => world?.stop())

const here = (text: string) => {
  let rest = text
  let done = ''
  const table = substitutes(world)
  while (rest !== '') {
    const found = table.find(([said]) => rest.startsWith(said))
    done += found?.[1] ?? rest[0]
    rest = rest.slice(found?.[0].length ?? 1)
  }
  return done
}

/** What the pages call beside catchd; curl is also the browser of this world. */
const missing = needs('curl', 'openssl', 'ssh', SSHD)

const RUN = COMMANDS.filter(({ line }) => !Object.hasOwn(NOT_RUN, line))
const PAGES_WITH_COMMANDS = new Set(RUN.map(({ file }) => file))

describe.skipIf(missing).each([...PAGES_WITH_COMMANDS])('%s', (page) => {
  beforeAll(() => world.beginPage())
  afterAll(() => world.endPage())

  test.each(RUN.filter(({ file }) => file === page))(
    '$line',
    async ({ line, before, output }) => {
      const command = [...before, line].map(here).join(' && ')
      const shapes = output.map((text) => shapeOf(here(text)))
      const [, added] = /^catchd profile add (\S+)/.exec(line) ?? []
      if (added !== undefined) await world.run(`catchd profile remove ${added}`) // It reads as the first time.
      const serves = /^catchd (proxy|forward) /.test(line)
      const shows = (text: string) =>
        shapes.length === 0 ? /\S\n/.test(text) : shapes.every((shape) => shape.test(text))
      const run = serves ? await world.serve(command, shows) : await world.run(command)
      expect(run.exitCode, run.output).toBe(serves ? null : 0)
      for (const shape of shapes) expect(run.output).toMatch(shape)
    },
    120_000, // a command that does not end is shown with its output
  )
})

/** Whole files, and parts of them by where they would stand. */
const CHECKS: Readonly<Record<string, (value: object) => unknown>> = {
  'a token': (value) => TokenAnswer.strict().parse(value),
  'a configuration': (value) => Configuration.parse(value),
  profiles: (profiles) => Configuration.parse({ profiles }),
  'keys of a profile': (value) => ProfileEntry.parse(value),
}

test.each(BLOCKS.filter(({ language }) => language.startsWith('json')))(
  '$file:$line is valid',
  ({ file, text }) => {
    const value = parseJsonc(text.startsWith('{') ? text : `{${text}}`) as Record<string, unknown>
    if ('containerEnv' in value) return expect(value['containerEnv']).toEqual({ CATCHD_HOME: '/catchd' }) // of another program
    const refusals = Object.values(CHECKS).map((check) => {
      try {
        check(value)
        return undefined
      } catch (error) {
        return String(error)
      }
    })
    expect(refusals, file).toContain(undefined)
  },
)

test('every block is of a language that is known here', () => {
  const languages = new Set(BLOCKS.map(({ language }) => language))
  for (const known of ['sh', 'console', 'json', 'jsonc', 'text', 'ini']) languages.delete(known)
  expect([...languages]).toEqual([])
})

test('what is not run is still there', () => {
  const lines = new Set(COMMANDS.map(({ line }) => line))
  expect(Object.keys(NOT_RUN).filter((line) => !lines.has(line))).toEqual([])
})
