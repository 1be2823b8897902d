/**
 * Every quirk of a preset is there for a reason: without it a whole login fails at that vendor, and the emulator says
 * which rule was broken. Addresses are left alone; what is without effect does not belong into the data.
 */
import { expect, test } from 'vitest'
import { PRESETS, type Preset } from '../../src/config/presets.js'
import { PARAMETER_KEYS, SERVER_URLS } from '../../src/config/profile.js'
import { VENDORS } from './vendors.js'
import { deviceLogin, wholeLogin } from './whole-login.js'

/** What tools ask for is in test/cli/credential/preset-hosts.test.ts. */
const ADDRESSES: ReadonlySet<string> = new Set([...SERVER_URLS, 'base_url', 'hosts', 'token_username'])

type Path = readonly string[]

/** Paths to all that can be taken out alone; each way of a list of pointers is one. */
function quirksOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  if (Array.isArray(value) && value.length === 1) return [path]
  return Object.entries(value)
    .filter(([key]) => path.length > 0 || !ADDRESSES.has(key))
    .flatMap(([key, inner]) => quirksOf(inner, [...path, key]))
}

function without<Value>(value: Value, [key = '', ...rest]: Path): Value {
  if (Array.isArray(value)) return value.filter((_element, index) => String(index) !== key) as Value
  const entries = Object.entries(value as Readonly<Record<string, unknown>>)
  return Object.fromEntries(
    entries
      .filter(([name]) => name !== key || rest.length > 0)
      .map(([name, inner]) => [name, name === key ? without(inner, rest) : inner]),
  ) as Value
}

/** What the emulator, or the comparison with what it issued, says about the rule behind a key. */
const REASONS: Readonly<Record<string, RegExp>> = {
  // Where the preset rules the host out, the program refuses it before the vendor can; presets.test.ts compares the two.
  redirect_uri: /the redirect URI \S+ is refused|accepts no redirect URI that begins with/,
  token_endpoint_auth_method: /the secret is not in the body/,
  client_secret_basic_encoding: /the secret is not in the header/,
  token_request_format: /the body is application\/x-www-form-urlencoded/,
  code_challenge_method: /code_verifier is not documented/,
  scope: /scope has to be|needs a scope|there is no scope/,
  scope_parameter: /scope is for bots|there is no (user_scope|perms)/,
  scope_separator: /the scope \S+ \S.* is unknown|the scope is \S+,\S+, not/,
  code_challenge_encoding: /the challenge is not hex/,
  code_parameter: /neither a code nor an error|no code came back/,
  offline_scope: /no refresh token, because scope \S+ was not asked for/,
  'token_response.scope_separator': /the scope is \S+,\S+, not/,
  'token_response.dead_refresh_token': /the refresh token is dead/,
  'token_response.pointers.access_token': /no access_token|the access token is/,
  'token_response.pointers.refresh_token': /(whether there is a|the) refresh token is/,
  'token_response.pointers.expires_in': /the lifetime is/,
  'token_response.pointers.expires_at': /the lifetime is/,
  // Nothing else of the preset is at that address.
  'authorization_parameters.aud': /base_url has no effect/,
  'token_response.pointers.scope': /the scope is/,
  'token_response.defaults.token_type': /(no|an unknown|has the) token_type/,
}

const PARAMETERS: ReadonlySet<string> = new Set(PARAMETER_KEYS)

function reasonFor(path: Path): RegExp {
  const [key = '', name = ''] = path
  const reason = REASONS[path.filter((step) => !/^\d+$/.test(step)).join('.')]
  if (reason === undefined && PARAMETERS.has(key)) return new RegExp(`\\b${name} (has to be|is missing)`)
  if (reason === undefined) throw new Error(`Nobody wrote down what ${path.join('.')} is for.`)
  return reason
}

/** Why logins fail, of every kind that the vendor has. */
async function failures(preset: Preset): Promise<string[]> {
  const options = { presets: [preset] }
  const logins = VENDORS.filter((vendor) => vendor.preset === preset.name).flatMap((vendor) => [
    ...vendor.clients.map((kind) => () => wholeLogin(vendor, kind, options)),
    ...(vendor.device === undefined ? [] : [() => deviceLogin(vendor, options)]),
  ])
  const outcomes = await Promise.allSettled(logins.map((login) => login()))
  return outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [String(outcome.reason)] : []))
}

const MUTATIONS = PRESETS.flatMap((preset) =>
  quirksOf(preset.profile).map((path) => [preset.name, path.join('.'), preset, path] as const),
)

test.each(MUTATIONS)('%s needs %s', async (_name, _key, preset, path) => {
  const reasons = await failures({ ...preset, profile: without(preset.profile, path) })
  expect(reasons.join('\n')).toMatch(reasonFor(path))
})

test('nothing fails as long as nothing is taken out', async () => {
  for (const preset of PRESETS.slice(0, 3)) expect(await failures(preset)).toEqual([])
})

test.each(Object.keys(REASONS))('%s is still a quirk of some preset', (key) => {
  const keys = MUTATIONS.map(([, , , path]) => path.filter((step) => !/^\d+$/.test(step)).join('.'))
  expect(keys).toContain(key)
})
