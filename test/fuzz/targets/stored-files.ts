/**
 * A daemon that starts on files which something damaged or forged: the sealed vault and the records in it, keys, API keys,
 * journals, notices, the configuration, and files of secrets.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { asCatchdError, toProblem } from '../../../src/failures.js'
import { Secret } from '../../../src/secret.js'
import { seal } from '../../../src/vault/sealed-format.js'
import { outcomeOf, startDaemonIn } from '../daemon.js'
import { mutatedJson, mutatedText } from '../mutations.js'
import { canary, type FuzzTarget } from '../target.js'

const NOW = 1_790_000_000_000
const KEY = randomBytes(32)
const GW = {
  client_id: 'c',
  authorization_endpoint: 'http://127.0.0.1:1/a',
  token_endpoint: 'http://127.0.0.1:1/t',
}
const TOKENS = {
  ...{
    version: 1,
    authorization_server: GW.token_endpoint,
    client_id: 'c',
    token_type: 'Bearer',
    scope: 'a',
  },
  ...{
    access_token: canary('stored-access'),
    refresh_token: canary('stored-refresh'),
    id_token: null,
    parameters: {},
  },
  ...{
    obtained_at_ms: NOW,
    expires_at_ms: NOW * 2,
    refresh_token_expires_at_ms: NOW * 2,
    issuer: null,
    subject: 'x',
  },
  refused_refresh_token: { reason: 'refused', error: 'invalid_grant', error_description: 'x' },
}
const LOGIN = {
  ...{
    version: 1,
    id: 'login-1',
    profile: 'gw',
    created_at_ms: NOW,
    expires_at_ms: NOW * 2,
    state: canary('state'),
  },
  ...{
    redirect_uri: 'http://127.0.0.1:0/cb',
    code_verifier: canary('verifier'),
    nonce: null,
    expected_issuer: null,
  },
  ...{
    authorization_url: 'http://127.0.0.1:1/a',
    iss_required: false,
    authorization_server: 'x',
    client_id: 'c',
  },
}
const DEVICE = {
  ...{
    version: 1,
    id: 'd-1',
    profile: 'device',
    created_at_ms: NOW,
    expires_at_ms: NOW * 2,
    device_code: canary('device'),
  },
  ...{ interval_ms: 5000, user_code: 'A', verification_uri: 'http://x/', verification_uri_complete: null },
  ...{ authorization_server: GW.token_endpoint, client_id: 'c' },
}
const API_KEYS = {
  version: 1,
  clients: [
    {
      client: 'tool',
      key_sha256: 'a'.repeat(64),
      profiles: ['gw'],
      actions: ['token'],
      created_at_ms: NOW,
      expires_at_ms: NOW * 2,
    },
  ],
}
const PLAN = {
  obtained_at_ms: NOW,
  needed_at_ms: NOW,
  known_since_ms: NOW,
  told_before: true,
  told_when: false,
  used_at_ms: NOW,
}
const JOURNAL = `${JSON.stringify({ begun: 'login-1', facts: { profile: 'gw', redirect_uri: 'http://127.0.0.1:0/cb' } })}\n${JSON.stringify({ ended: 'x' })}\n`
const CONFIGURATION = {
  profiles: { gw: GW, device: { ...GW, device_authorization_endpoint: 'http://127.0.0.1:1/d' } },
}

const usually = <Value>(value: Value, mutated: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: mutated })
const json = (value: object) => usually(JSON.stringify(value), mutatedJson(value))
const input = fc.record({
  tokens: json(TOKENS),
  login: json(LOGIN),
  device: json(DEVICE),
  clients: json(API_KEYS),
  notices: json({ version: 1, profiles: { gw: PLAN } }),
  journal: usually(JOURNAL, mutatedText(JOURNAL)),
  configuration: json(CONFIGURATION),
  key: usually(`${KEY.toString('base64url')}\n`, mutatedText(`${KEY.toString('base64url')}\n`)),
  adminKey: usually(null, mutatedText(`${randomBytes(32).toString('base64url')}\n`)),
  /** Edits of the sealed bytes. */
  damage: usually(null, fc.record({ at: fc.nat(), byte: fc.nat(255), cut: fc.boolean() })),
})
type Input = typeof input extends fc.Arbitrary<infer Value> ? Value : never

export const storedFiles: FuzzTarget<Input> = {
  name: 'stored-files',
  weight: 0.5,
  arbitrary: input,
  start: async () => ({
    async run(mutant) {
      const home = mkdtempSync(join(tmpdir(), 'catchd-fuzz-'))
      write(home, mutant)
      const shown: string[] = []
      try {
        const daemon = await startDaemonIn(home, { CATCHD_VAULT: 'file' })
        try {
          const paths = [
            '/v1/status',
            '/v1/profiles',
            '/v1/clients',
            '/v1/logins?profile=gw',
            '/v1/logins?profile=device',
          ]
          const answers = await Promise.all(paths.map((path) => daemon.call('GET', path)))
          const token = await daemon.call('GET', '/v1/tokens/gw')
          const removed = await daemon.call('DELETE', '/v1/tokens/gw')
          // A pending login shows its authorization URL, and an answer with a token shows the token.
          shown.push(
            ...answers.slice(0, 3).map(({ body }) => body),
            removed.body,
            outcomeOf(token) === 'ok' ? '' : token.body,
          )
          const outcomes = [...answers, token, removed].map(outcomeOf)
          const outcome = outcomes.includes('internal')
            ? 'internal'
            : (outcomes.find((code) => code !== 'ok') ?? 'ok')
          return { outcome, shown: [...shown, ...daemon.takeLog()] }
        } finally {
          await daemon.stop()
        }
      } catch (error) {
        const failure = asCatchdError(error)
        return {
          outcome: failure.code,
          shown: [...shown, JSON.stringify(toProblem(failure)), String(failure.cause)],
        }
      } finally {
        rmSync(home, { recursive: true, force: true, maxRetries: 5 })
      }
    },
    stop: async () => {},
  }),
}

function write(
  home: string,
  { tokens, login, device, clients, notices, journal, configuration, key, adminKey, damage }: Input,
) {
  const state = join(home, 'state')
  mkdirSync(state, { mode: 0o700 })
  const items = new Map(
    Object.entries({ 'token-set/gw': tokens, 'login/login-1': login, 'device-login/d-1': device }),
  )
  const sealed = seal(
    new Map([...items].map(([name, text]) => [name, new Secret(text)])),
    { kind: 'key_file' },
    KEY,
  )
  if (damage !== null) sealed[damage.at % sealed.length] = damage.byte
  const files = {
    'vault.sealed': damage?.cut ? sealed.subarray(0, damage.at % sealed.length) : sealed,
    'vault.key': key,
    'clients.json': clients,
    'notices.json': notices,
    'logins.journal': journal,
    'refreshes.journal': journal,
    ...(adminKey === null ? {} : { 'admin.key': adminKey }),
  }
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(state, name), content, { mode: 0o600 })
  writeFileSync(join(home, 'config.jsonc'), configuration, { mode: 0o600 })
}
