/** Text of servers, files and profiles on the terminal: none of it may do anything there. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { problem } from '../client/fake-daemon.js'
import { fakeDaemon, run } from './run.js'

const H = 'a\u001b]52;c;cHduZWQ=\u0007\u009b2J\u202e\u200b\u2028\nb\u{e0041}'
const UNSEEN = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u

const PROFILE = {
  profile: 'gw',
  configuration: {
    issuer: `https://аpple.example/${H}`,
    preset: H,
    redirect_uri: `http://127.0.0.1/${H}`,
    scope: H,
  },
  status: H,
  expires_at: H,
  scope: H,
  subject: H,
  login_needed_at: null,
}
const STATUS = {
  version: H,
  pid: 1,
  started_at: H,
  listeners: { redirect: [H], socket: H, tcp: H },
  vault: { kind: H, engine: H, health: H, unsaved: [H] },
  config: { path: H, ok: false, error: H },
  profiles: 1,
  logins_pending: 1,
}
const INSPECTION = {
  issuer: `https://аpple.example/${H}`,
  subject: H,
  client_id: H,
  access_token: { scope: H, token_type: H, obtained_at: H, expires_at: null },
  refresh_token: { refused: H, expires_at: null },
  context: { [H]: { [H]: H } },
  left_out: [H],
  id_token: { header: { [H]: H }, claims: { [H]: { [H]: H } } },
  introspection: { answer: null, error: { code: H, detail: H, error: H } },
  userinfo: { answer: { [H]: H }, error: null },
}
const REFUSAL = problem('provider_refused', 502, { detail: H, error: H, error_description: H, next: H })

const daemonOf = () =>
  fakeDaemon({
    'GET /v1/profiles': { body: { profiles: [PROFILE] } },
    'GET /v1/profiles/gw': { body: PROFILE },
    'GET /v1/status': { body: STATUS },
    'GET /v1/tokens/context': {
      body: { access_token: 't', token_type: 'Bearer', context: { hostile: H, nested: { [H]: H } } },
    },
    'GET /v1/tokens/gw/inspection': { body: INSPECTION },
    'GET /v1/tokens/gw': REFUSAL,
    'POST /v1/tokens/gw/refresh': REFUSAL,
    'DELETE /v1/tokens/gw': { body: { revoked: false, not_revoked: H } },
    'GET /v1/clients': { body: { clients: [{ client: H, profiles: [H], actions: [H], expires_at: null }] } },
  })

test.each([
  [['profile', 'list']],
  [['profile', 'show', 'gw']],
  [['status']],
  [['vault', 'status']],
  [['inspect', 'gw']],
  [['token', 'context', '--format', 'json']],
  [['token', 'context', '--member', 'hostile']],
  [['token', 'context', '--member', 'nested']],
  [['logout', 'gw']],
  [['refresh', 'gw']],
  [['token', 'gw']],
  [['client', 'list']],
  [['credential', '--profile', 'gw', 'gcp']],
  [['credential', '--profile', 'gw', 'headers']],
  [['credential', 'git', 'get']],
  [['login', `https//${H}`]],
  [['exec', 'gw', '--', H]],
  [[H]],
])('%j prints nothing that a terminal would act on', async (args) => {
  const input = `protocol=https\nhost=${H.replaceAll('\n', '')}\n\n`
  for (const words of [args, [...args, '--json']]) {
    const { stdout, stderr } = await run(await daemonOf(), words, { stdin: input })
    expect(`${stdout}${stderr}`).not.toBe('')
    expect(`${stdout}${stderr}`).not.toMatch(UNSEEN)
  }
})

test('names of members and issuers are shown, escaped and in ASCII', async () => {
  const { stdout } = await run(await daemonOf(), ['inspect', 'gw'])
  expect(stdout).toContain(
    'a\\u{1b}]52;c;cHduZWQ=\\u{7}\\u{9b}2J\\u{202e}\\u{200b}\\u{2028}\\u{a}b\\u{e0041}',
  )
  expect(stdout).toContain('https://xn--pple-43d.example/')
})

test('the log is escaped in its form for programs', async () => {
  const home = mkdtempSync(join(tmpdir(), 'catchd-log-'))
  onTestFinished(() => rmSync(home, { recursive: true }))
  const daemon = await fakeDaemon()
  const entry = JSON.stringify({ level: 'info', event: 'x', detail: 'a\u009bb\u202ec' })
  execFileSync('mkdir', ['-p', join(daemon.home, 'state')])
  writeFileSync(join(daemon.home, 'state', 'catchd.log'), `${entry}\n`)
  const { stdout } = await run(daemon, ['daemon', 'logs'])
  expect(stdout).not.toMatch(UNSEEN)
  expect(JSON.parse(stdout)).toEqual(JSON.parse(entry))
})
