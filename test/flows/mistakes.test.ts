/**
 * Mistakes at the command line: exit code, message, and that the printed command, run as it is printed, gets the user
 * further. The rows are in mistakes/, by noun; support/mistakes.ts runs them.
 */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Mistake, MistakesWorld, nextCommand, unusable } from '../support/mistakes.js'
import { LOGIN_MISTAKES } from './mistakes/logins.js'
import { DAEMON_MISTAKES, MACHINE_MISTAKES } from './mistakes/machine.js'
import { PROFILE_MISTAKES } from './mistakes/profiles.js'
import { TOOL_MISTAKES } from './mistakes/tools.js'

const DOCUMENTED = [
  ...readFileSync('docs/reference-commands.md', 'utf8').matchAll(/^## `catchd ([a-z-]+)/gm),
].map(([, words = '']) => words)

/** A profile at the gateway that is like `gw` but for these keys. */
const like = (keys: object) => ({ extends: 'gw', ...keys })
const STORED = { keychain: true }

const PROFILES = {
  gw: {
    preset: 'webmethods',
    base_url: '{base}',
    client_id: '{client}',
    client_secret: { file: '{folder}/secret.txt' },
    scope: 'email',
  },
  ...Object.fromEntries(
    ['typo', 'denied', 'elsewhere', 'absent', 'fresh', 'out', 'idle', 'idle2', 'bye'].map((name) => [
      name,
      like({}),
    ]),
  ),
  wrong: like({ client_secret: STORED }),
  'wrong-file': like({ client_secret: { file: '{folder}/wrong.txt' } }),
  'wrong-command': like({ client_secret: { command: ['/bin/echo', 'mistaken'] } }),
  plain: like({ client_secret: 'mistaken-secret' }),
  secretless: {
    preset: 'webmethods',
    base_url: '{base}',
    client_id: '{client}',
    scope: 'email',
  },
  unstored: like({ client_secret: STORED }),
  // Nothing but what others extend, so it cannot be shown.
  base: { preset: 'webmethods', base_url: '{base}', client_secret: STORED, scope: 'email' },
  heir: { extends: 'base', client_id: '{client}' },
  unset: like({ client_secret: { env: 'NOT_SET' } }),
  nofile: like({ client_secret: { file: '{folder}/nosuch.txt' } }),
  'open-file': like({ client_secret: { file: '{folder}/open.txt' } }),
  scoped: like({ scope: 'nosuch' }),
  down: like({ token_endpoint: 'http://127.0.0.1:{dead}/token', hosts: ['shared.example'] }),
  private: like({ token_endpoint: '{tls}/token' }),
  busy: like({ redirect_uri: 'http://127.0.0.1:{taken}/callback', hosts: ['shared.example'] }),
  machine: {
    token_endpoint: '{base}/invoke/pub.apigateway.oauth2/getAccessToken',
    client_id: '{client}',
    client_secret: { file: '{folder}/wrong.txt' },
    grant: 'client_credentials',
  },
  signed: {
    issuer: 'https://id.example',
    client_id: 'signed',
    token_endpoint_auth_method: 'private_key_jwt',
    private_key_file: '{folder}/nosuch.key',
  },
}

let world: MistakesWorld

beforeAll(async () => {
  world = await MistakesWorld.start(PROFILES)
  await world.write('wrong.txt', 'mistaken')
  await world.write('open.txt', 'demo-gateway-secret')
  await world.shell('chmod 644 open.txt; mkdir -m 777 open wide')
  await world.shell('catchd profile set-secret wrong --stdin', { stdin: 'mistaken' })
  await world.shell('catchd login gw')
  await world.shell('catchd client add twice --profiles gw --actions token')
  const key = await world.shell('catchd client add limited --profiles gw --actions token')
  world.name('key', key.stdout.trim())
  await world.shell('catchd client add kept --profiles gw --actions token')
})

afterAll(() => world.stop())

const containing = (text: string | RegExp) =>
  text instanceof RegExp ? expect.stringMatching(text) : expect.stringContaining(world.put(text))

/** Many mistakes lead to the same help, which is the same each time. */
const SAME = /^catchd (?:help\b.*|.* --help|presets\b.*)$/
const helps = new Map<string, ReturnType<MistakesWorld['shell']>>()

function runOnce(line: string, run: () => ReturnType<MistakesWorld['shell']>) {
  if (!SAME.test(line)) return run()
  const known = helps.get(line) ?? run()
  helps.set(line, known)
  return known
}

async function check({ line, env, stdin, exit, says, next, leads = {} }: Mistake): Promise<void> {
  const made = await world.shell(world.put(line), { env, stdin })
  expect(made).toMatchObject({ exitCode: exit, stderr: containing(says) })
  const printed = nextCommand(made.stderr) ?? nextCommand(made.stdout) ?? ''
  expect(printed, made.stderr).toBe(world.put(next))
  expect(unusable(printed, DOCUMENTED), printed).toBeUndefined()
  // A variable is unset in the user's shell, and then the command works.
  const literal = printed.startsWith('unset ') ? `${printed}; ${world.put(line)}` : printed
  const { exitCode, stdout, stderr } = await runOnce(literal, () =>
    world.shell(literal, { env, typed: leads.typed }),
  )
  expect({ exitCode, output: stdout + stderr }, `${literal}\n${stdout}${stderr}`).toEqual({
    exitCode: leads.exit ?? 0,
    output: containing(leads.says ?? ''),
  })
  for (const command of leads.after ?? []) {
    const run = await world.shell(world.put(command), { env })
    expect(run, command).toMatchObject({ exitCode: 0 })
  }
}

describe.each([
  ['profiles', PROFILE_MISTAKES],
  ['logins and tokens', LOGIN_MISTAKES],
  ['tools', TOOL_MISTAKES],
  ['daemons', DAEMON_MISTAKES],
])('%s', (_noun, rows) => {
  // They do not disturb each other: each that changes something has a profile of its own.
  test.concurrent.each(rows.map((row) => [row.line, row] as const))('%s', (_line, row) => check(row))
})

describe('the machine and the daemon', () => {
  beforeAll(async () => {
    await world.write('good.jsonc', await world.config())
    await world.write('bad.jsonc', '{ "profiles": { "gw": { "clientid": "x" } } }')
  })

  test.each(MACHINE_MISTAKES.map((row) => [row.line, row] as const))('%s', (_line, row) => check(row))
})
