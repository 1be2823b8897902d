/**
 * One whole login at an emulated vendor, through the real rooms: the profile as the configuration makes it from the
 * preset, the authorization request in a browser that follows redirects, the code, the token set, refreshes, a consent
 * that was withdrawn, the logout. Throws at the first thing that is not as the vendor means it.
 */
import assert from 'node:assert/strict'
import { OAuthAuthorizationServers } from '../../src/authorization-server/authorization-servers.js'
import { randomSecret } from '../../src/authorization-server/pkce.js'
import type { CodeGrant } from '../../src/authorization-server/port.js'
import { defaultRedirectUri, registeredRedirectUri } from '../../src/config/presets/registration.js'
import { findPreset, PRESETS, type Preset } from '../../src/config/presets.js'
import type { Profile, ProfileEntry } from '../../src/config/profile.js'
import { SERVER_URLS } from '../../src/config/profile.js'
import { resolveProfile } from '../../src/config/resolve.js'
import { checkProfiles } from '../../src/config/rules.js'
import { CatchdError } from '../../src/failures.js'
import { LockGate } from '../../src/lock/gate.js'
import { parseAuthorizationResponse, withCodeFrom } from '../../src/login/authorization-response.js'
import { Secret } from '../../src/secret.js'
import { TokenKeeper } from '../../src/tokens/token-keeper.js'
import { type TokenSet, tokenSetFrom } from '../../src/tokens/token-set.js'
import { MemoryVault } from '../../src/vault/memory-vault.js'
import { FakeSteps } from '../tokens/keeper-harness.js'
import { Emulator } from './emulator.js'
import type { Vendor } from './vendor.js'

export interface LoginOptions {
  /** The table, or one with something taken out. */
  readonly presets?: readonly Preset[]
  /** Keys that the person writes. */
  readonly written?: ProfileEntry
}

const NAME = 'work'
const PORT = 8252

/** @throws whatever goes wrong, with the emulator's own reason */
export async function wholeLogin(
  vendor: Vendor,
  kind: 'public' | 'confidential',
  options: LoginOptions = {},
): Promise<void> {
  await withParty(vendor, kind, options, async (party) => {
    await keepAndRefresh(party, (await logIn(party)).set)
    const { set, grant } = await logIn(party)
    await logOut(party, set)
    await redeemAgain(party, grant)
  })
}

/** The same with the device grant (RFC 8628). */
export async function deviceLogin(vendor: Vendor, options: LoginOptions = {}): Promise<void> {
  const written = { ...options.written, grant: 'urn:ietf:params:oauth:grant-type:device_code' } as const
  await withParty(vendor, 'public', { ...options, written }, async (party) => {
    const { servers, profile, emulator } = party
    const poll = await servers.pollDevice(profile, await servers.authorizeDevice(profile))
    if (poll.outcome !== 'issued') assert.fail(`the device poll ended as ${poll.outcome}`)
    const set = tokenSetFrom(poll.response, servers.origin(profile), profile.scope ?? null, Date.now())
    assertMeant(vendor, emulator, set, null)
    await keepAndRefresh(party, set)
  })
}

interface Party {
  readonly vendor: Vendor
  readonly emulator: Emulator
  readonly profile: Profile
  readonly servers: OAuthAuthorizationServers
}

async function withParty(
  vendor: Vendor,
  kind: 'public' | 'confidential',
  { presets = PRESETS, written = {} }: LoginOptions,
  work: (party: Party) => Promise<void>,
): Promise<void> {
  const secret = vendor.secret ?? 'secret-1'
  const entry = { ...(vendor.written as ProfileEntry | undefined), ...written }
  const registered = toRegister(vendor, entry)
  const emulator = new Emulator(vendor, { id: 'client-1', kind, secret, registered })
  await emulator.start()
  const servers = new OAuthAuthorizationServers({
    clock: { now: Date.now },
    clientSecrets: async ({ client_secret: source }) =>
      source === undefined ? undefined : new Secret(secret),
    dpopKeys: { get: async () => undefined, set: async () => {}, delete: async () => {} },
    resourceIssuers: { get: async () => undefined, set: async () => {}, delete: async () => {} },
  })
  try {
    const profile = movedTo(emulator, profileAt(vendor, kind, entry, presets))
    await work({ vendor, emulator, profile, servers })
  } catch (error) {
    const told = emulator.refusals.at(-1)
    if (told === undefined || !(error instanceof Error)) throw error
    throw new Error(`${error.message} (the emulator: ${told})`, { cause: error })
  } finally {
    servers.close()
    emulator.stop()
  }
}

/** What `catchd presets` says to register. */
function toRegister(vendor: Vendor, { redirect_uri: own }: ProfileEntry): string | undefined {
  const preset = findPreset(vendor.preset)
  if (preset === undefined) throw new Error(`There is no preset ${vendor.preset}.`)
  return registeredRedirectUri(preset, own ?? defaultRedirectUri(preset, { profile: NAME, port: PORT }))
}

function profileAt(
  vendor: Vendor,
  kind: 'public' | 'confidential',
  written: ProfileEntry,
  presets: readonly Preset[],
): Profile {
  // A person writes no scope where the preset has one.
  const hasScope = findPreset(vendor.preset)?.profile.scope !== undefined
  const entry: ProfileEntry = {
    preset: vendor.preset,
    client_id: 'client-1',
    ...(hasScope ? {} : { scope: vendor.scopes.join(' ') }),
    ...(vendor.baseUrl === undefined ? {} : { base_url: vendor.baseUrl }),
    ...(kind === 'confidential' ? { client_secret: { keychain: true } } : {}),
    ...written,
  }
  const context = { redirectPort: PORT, configFolder: '/', presets }
  const profile = resolveProfile(NAME, new Map([[NAME, entry]]), context)
  checkProfiles(new Map([[NAME, profile]]))
  return profile
}

function movedTo(emulator: Emulator, profile: Profile): Profile {
  const urls = SERVER_URLS.flatMap((key) => {
    const url = profile[key]
    return url === undefined ? [] : [[key, emulator.moved(url)] as const]
  })
  return { ...profile, ...Object.fromEntries(urls) }
}

/** Parameters of a redirect that are no context of the tokens. */
const OF_THE_PROTOCOL = new Set(['scope', 'session_state'])

interface LoggedIn {
  readonly set: TokenSet
  /** What was redeemed. */
  readonly grant: CodeGrant
}

async function logIn({ vendor, emulator, profile, servers }: Party): Promise<LoggedIn> {
  const { redirect_uri: redirectUri } = profile
  const state = randomSecret()
  const codeVerifier = profile.code_challenge_method === 'none' ? null : randomSecret()
  const nonce = vendor.scopes.includes('openid') ? randomSecret() : null
  const { authorizationUrl } = await servers.prepare(
    profile,
    { redirectUri, state, codeVerifier, nonce },
    false,
  )
  const page = await fetch(authorizationUrl, { redirect: 'manual' })
  assert.equal(page.status, 302, 'the authorization request was refused')
  const location = page.headers.get('location') ?? ''
  assert.ok(location.startsWith(`${redirectUri}?`))
  const received = parseAuthorizationResponse(new URL(location).search.slice(1))
  const response = withCodeFrom(profile.code_parameter, received)
  if (response.kind !== 'code') assert.fail('no code came back')
  same('whether state came back', response.state?.reveal() === state.reveal(), vendor.dropsState !== true)
  const grant = { code: response.code, redirectUri, codeVerifier, nonce }
  const tokens = await servers.redeem(profile, grant)
  const origin = servers.origin(profile)
  const set = tokenSetFrom(tokens, origin, profile.scope ?? null, Date.now(), {
    members: response.extra,
    secrets: [],
  })
  assertMeant(vendor, emulator, set, null)
  for (const [name, value] of Object.entries(vendor.callback ?? {})) {
    assert.equal(set.parameters[name], OF_THE_PROTOCOL.has(name) ? undefined : value)
  }
  return { set, grant }
}

/** A code works once (RFC 6749 §4.1.2), and whatever shape the refusal has, it is one and keeps the code to itself. */
async function redeemAgain({ vendor, profile, servers }: Party, grant: CodeGrant): Promise<void> {
  const outcome = await servers.redeem(profile, grant).then(
    () => 'tokens',
    (error: unknown) => error,
  )
  if (!(outcome instanceof CatchdError)) assert.fail(`a spent code gave ${outcome}`)
  const meant = vendor.refusesInWords ? 'provider_answer_invalid' : 'provider_refused'
  same('what a spent code leads to', outcome.code, meant)
  const said = `${outcome.message} ${outcome.error} ${outcome.errorDescription}`
  same('whether the refusal holds the code', said.includes(grant.code.reveal()), false)
}

/** @param kept - The refresh token that goes on when no other is issued. */
function assertMeant(
  { lifetime, refreshLifetime }: Vendor,
  { last }: Emulator,
  set: TokenSet,
  kept: string | null,
) {
  same('the access token', set.accessToken.reveal(), last?.accessToken)
  same('the refresh token', set.refreshToken?.reveal() ?? null, last?.refreshToken ?? kept)
  same('the token_type', set.tokenType, 'Bearer')
  same('the scope', set.scope ?? '', last?.scopes.join(' '))
  sameSeconds('the lifetime', secondsUntil(set.expiresAtMs, set), lifetime)
  const refreshable = set.refreshTokenExpiresAtMs
  same('that of the refresh token', secondsUntil(refreshable, set), refreshLifetime ?? null)
  same('whether there is an id_token', set.idToken !== null, last?.idToken != null)
}

function same(what: string, actual: unknown, meant: unknown): void {
  assert.equal(actual, meant, `${what} is ${actual}, not ${meant}`)
}

/** An instant that a vendor names is one of its clock, which runs in whole seconds. */
function sameSeconds(what: string, actual: number | null, meant: number | null): void {
  const isNear = actual !== null && meant !== null && Math.abs(actual - meant) <= 2
  if (!isNear) same(what, actual, meant)
}

function secondsUntil(atMs: number | null, { obtainedAtMs }: TokenSet): number | null {
  return atMs === null ? null : (atMs - obtainedAtMs) / 1000
}

/** Two refreshes, the second with what the first left; then the person withdraws the consent. */
async function keepAndRefresh({ vendor, emulator, profile, servers }: Party, set: TokenSet): Promise<void> {
  const keeper = new TokenKeeper({
    clock: { now: Date.now, after: () => () => {} },
    vault: new MemoryVault(),
    steps: new FakeSteps(),
    servers,
    profiles: { profile: () => profile },
    lock: new LockGate(),
    random: () => 0.5,
    log: () => {},
  })
  await keeper.keep(NAME, set)
  const isIssued = vendor.neverRefreshes !== true
  same('whether there is a refresh token', set.refreshToken !== null, isIssued)
  let current = set
  for (let round = 0; isIssued && round < 2; round++) {
    const next = await keeper.refresh(NAME)
    assertMeant(vendor, emulator, next, current.refreshToken?.reveal() ?? null)
    current = next
  }
  emulator.endGrants()
  const refused = await keeper.refresh(NAME).then(
    () => undefined,
    (error: unknown) => (error instanceof CatchdError ? error.code : error),
  )
  same('what a dead refresh token leads to', refused, 'login_required')
  const { set: kept } = await keeper.find(NAME)
  assert.equal(kept?.refusedRefreshToken != null, isIssued, 'the dead refresh token is marked')
}

/** Introspection where there is one; revocation where there is one. */
async function logOut({ vendor, emulator, profile, servers }: Party, set: TokenSet): Promise<void> {
  const { introspection } = await servers.inspect(profile, set)
  same('introspection', introspection.outcome, vendor.introspect === undefined ? 'not_asked' : 'answered')
  const { outcome } = await servers.revoke(profile, set)
  same('revocation', outcome, vendor.revoke === undefined ? 'unsupported' : 'revoked')
  if (vendor.revoke === undefined) return
  for (const token of [set.accessToken, set.refreshToken]) {
    assert.equal(token !== null && emulator.knows(token.reveal()), false, 'a token outlives the logout')
  }
}
