/** The services behind the API, all in memory; every call is recorded, so that a test can say there was none. */

import type { Inspection } from '../../../src/authorization-server/inspection-report.js'
import type { ProfileEntry } from '../../../src/config/profile.js'
import { CatchdError } from '../../../src/failures.js'
import type {
  ActivityApi,
  ApiServices,
  DaemonEvent,
  DaemonStatus,
  DiscoveryApi,
  HappenedEvent,
  InspectionService,
  LoginApi,
  ProfileApi,
  ProfileView,
  ProofService,
  TokenService,
} from '../../../src/http/api/services.js'
import type { Login, PendingCatch, PendingLogin } from '../../../src/login/login.js'
import type { AdoptionRequest, CatchRequest, LoginRequest } from '../../../src/login/login-request.js'
import { Secret } from '../../../src/secret.js'
import type { TokenSet } from '../../../src/tokens/token-set.js'
import type { LastingVault } from '../../../src/vault/vault-kinds.js'

export const NOW_MS = Date.parse('2026-01-01T00:00:00Z')
export const ACCESS_TOKEN = 'access-canary-5d1c'
export const REFRESH_TOKEN = 'refresh-canary-77ab'
export const ID_TOKEN = 'id-canary-0f3e'
export const STATE = 'state-canary-19d2'
export const VERIFIER = 'verifier-canary-aa01'

export function tokenSet(changes: Partial<TokenSet> = {}): TokenSet {
  return {
    authorizationServer: 'https://id.example.com',
    clientId: 'catchd',
    accessToken: new Secret(ACCESS_TOKEN),
    tokenType: 'Bearer',
    obtainedAtMs: NOW_MS,
    expiresAtMs: NOW_MS + 3_600_000,
    refreshToken: new Secret(REFRESH_TOKEN),
    refreshTokenExpiresAtMs: null,
    refreshTokenStays: false,
    refusedRefreshToken: null,
    scope: 'email',
    idToken: new Secret(ID_TOKEN),
    idTokenStays: null,
    issuer: 'https://id.example.com',
    subject: 'alice',
    parameters: { refresh_token: REFRESH_TOKEN },
    ...changes,
  }
}

export function pendingLogin(changes: Partial<PendingLogin> = {}): PendingLogin {
  return {
    id: 'login-1',
    profile: 'gw',
    status: 'pending',
    redirectUri: 'http://127.0.0.1:8252/callback/gw',
    createdAtMs: NOW_MS,
    expiresAtMs: NOW_MS + 600_000,
    state: new Secret(STATE),
    codeVerifier: new Secret(VERIFIER),
    nonce: null,
    authorizationUrl: 'https://id.example.com/authorize?client_id=catchd',
    origin: { authorizationServer: 'https://id.example.com', clientId: 'catchd' },
    expectedIssuer: null,
    issRequired: false,
    responseMode: 'query',
    stateEcho: true,
    listen: null,
    certificate: null,
    ...changes,
  }
}

export function pendingCatch(changes: Partial<PendingCatch> = {}): PendingCatch {
  return {
    id: 'login-1',
    profile: null,
    status: 'pending',
    redirectUri: 'http://localhost:3000/cb',
    createdAtMs: NOW_MS,
    expiresAtMs: NOW_MS + 600_000,
    authorizationUrl: null,
    state: new Secret(STATE),
    ...changes,
  }
}

export const ACCESS = {
  client: 'ci',
  profile: 'gw',
  first_at: '2026-01-01T00:00:00Z',
  last_at: '2026-01-01T00:00:30Z',
  count: 7,
}

export const PROOF = 'header.payload.signature'

export class FakeServices implements ApiServices {
  readonly calls: string[] = []
  readonly entries = new Map<string, ProfileEntry>([
    ['gw', { issuer: 'https://id.example.com', client_id: 'catchd' }],
    ['corp', { issuer: 'https://corp.example.com', client_id: 'catchd', client_secret: { keychain: true } }],
  ])
  /** In memory and fresh. */
  readonly fresh = new Map<string, TokenSet>()
  /** What `get` gives; none: a person has to log in. */
  readonly stored = new Map<string, TokenSet>()
  readonly pending = new Map<string, Login>()
  /** Responses that nobody fetched yet. */
  readonly caught = new Map<string, Readonly<Record<string, string>>>()
  /** Why a logout does not revoke; `null`: it does. */
  notRevoked: string | null = null
  /** What the next call of any service throws. */
  trouble: unknown
  /** Resolves `wait` from outside; `signal` as given to it. */
  readonly waiting: { resolve: () => void; signal: AbortSignal }[] = []

  readonly listeners = new Set<(event: DaemonEvent) => void>()

  subscribe(listener: (event: DaemonEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  readonly served: string[] = []

  tokenServed(client: string, profile: string): void {
    this.served.push(`${client} ${profile}`)
  }

  clientChanged(event: string, client: string): void {
    this.#called(event, client)
  }

  happen(event: DaemonEvent): void {
    for (const listener of this.listeners) listener(event)
  }

  readonly tokens: TokenService = {
    peek: (profile, minTtl) => {
      this.#called('tokens.peek', profile, minTtl)
      return this.fresh.get(profile)
    },
    get: async (profile, minTtl) => {
      this.#called('tokens.get', profile, minTtl)
      this.#known(profile)
      const set = this.stored.get(profile)
      if (set === undefined) throw new CatchdError('login_required', { profile })
      return set
    },
    idToken: async (profile, minTtl) => {
      this.#called('tokens.idToken', profile, minTtl)
      this.#known(profile)
      if (!this.stored.has(profile)) throw new CatchdError('login_required', { profile })
      return {
        token: new Secret(ID_TOKEN),
        issuer: 'https://id.example.com',
        subject: 'alice',
        expiresAtMs: NOW_MS + 300_000,
      }
    },
    refresh: async (profile) => {
      this.#called('tokens.refresh', profile)
      return tokenSet()
    },
    logout: async (profile) => {
      this.#called('tokens.logout', profile)
      this.#known(profile)
      return { revoked: this.notRevoked === null, notRevoked: this.notRevoked }
    },
  }

  readonly proofs: ProofService = {
    prove: async (profile, request) => {
      this.#called('proofs.prove', profile, JSON.stringify(request))
      this.#known(profile)
      return { set: tokenSet({ tokenType: 'DPoP' }), proof: PROOF }
    },
  }

  inspection: Inspection = {
    idToken: { header: { alg: 'ES256' }, claims: { sub: 'ada' } },
    introspection: { outcome: 'answered', members: { active: true } },
    userinfo: { outcome: 'not_asked' },
  }

  readonly inspections: InspectionService = {
    inspect: async (profile) => {
      this.#called('inspections.inspect', profile)
      this.#known(profile)
      return { set: tokenSet(), inspection: this.inspection }
    },
  }

  readonly logins: LoginApi = {
    begin: async (request: LoginRequest | AdoptionRequest) => {
      this.#called('logins.begin', JSON.stringify(request))
      this.#known(request.profile)
      return this.#pend(request.profile, 'state' in request ? { authorizationUrl: null } : {})
    },
    beginCatch: async (request: CatchRequest) => {
      this.#called('logins.beginCatch', JSON.stringify(request))
      return this.end(
        pendingCatch({ id: `login-${this.pending.size + 1}`, redirectUri: request.redirectUri }),
      )
    },
    takeResponse: (id) => {
      this.#called('logins.takeResponse', id)
      const response = this.caught.get(id)
      this.caught.delete(id)
      return response
    },
    beginShared: async (profile) => {
      this.#called('logins.beginShared', profile)
      return this.#pend(profile)
    },
    find: (id) => this.pending.get(id),
    ofProfile: (profile) => {
      this.#called('logins.ofProfile', profile)
      return [...this.pending.values()].filter((login) => login.profile === profile).reverse()
    },
    wait: async (id, waitMs, signal) => {
      this.#called('logins.wait', id, waitMs)
      await new Promise<void>((resolve) => {
        this.waiting.push({ resolve, signal })
        signal.addEventListener('abort', () => resolve())
      })
      return this.pending.get(id)
    },
    paste: async (id, _url) => {
      this.#called('logins.paste', id)
      return this.settle(id)
    },
    cancel: (id) => {
      this.#called('logins.cancel', id)
      return this.pending.has(id)
    },
    pendingOf: (profile) => [...this.pending.values()].filter((login) => login.profile === profile),
  }

  readonly profiles: ProfileApi = {
    list: async () => {
      this.#called('profiles.list')
      return [...this.entries.keys()].map((name) => this.#view(name))
    },
    show: async (name) => {
      this.#called('profiles.show', name)
      return this.#view(name)
    },
    put: async (name, entry) => {
      this.#called('profiles.put', name, JSON.stringify(entry))
      const created = !this.entries.has(name)
      this.entries.set(name, entry)
      return { view: this.#view(name), created }
    },
    remove: async (name) => {
      this.#called('profiles.remove', name)
      this.#known(name)
      this.entries.delete(name)
    },
  }

  readonly discovery: DiscoveryApi = {
    fromUrl: async ({ url, ...rest }) => {
      this.#called('discovery.fromUrl', url, JSON.stringify(rest))
      const name = rest.profile ?? new URL(url).hostname
      const created = !this.entries.has(name)
      if (created) this.entries.set(name, { resource_server: url })
      return { view: this.#view(name), created }
    },
  }

  readonly happened: HappenedEvent[] = []

  readonly activity: ActivityApi = {
    recent: () => this.happened,
    refreshTrouble: () => undefined,
  }

  presets() {
    return [{ name: 'webmethods', title: 'webMethods API Gateway' }]
  }

  async status(limit?: ReadonlySet<string>): Promise<DaemonStatus> {
    this.#called('status', limit === undefined ? 'all' : [...limit].join())
    return {
      version: '0.0.0',
      pid: 4711,
      started_at: '2026-01-01T00:00:00Z',
      listeners: {
        redirect: ['http://127.0.0.1:8252'],
        socket: '/run/catchd.sock',
        tcp: 'http://127.0.0.1:7636',
      },
      vault: { kind: 'keychain', engine: 'keytar', health: 'ok', unsaved: ['corp', 'gw'] },
      config: { path: '/home/a/config.jsonc', ok: false, error: 'profiles.corp.scoep is not known' },
      profiles: limit?.size ?? 2,
      logins_pending: 0,
      token_accesses: [ACCESS],
    }
  }

  async migrateVault(to: LastingVault) {
    this.#called('migrateVault', to)
    return { from: 'keychain', to, items: 3 }
  }

  stop(): void {
    this.#called('stop')
  }

  /** Ends a login well and lets its waiters go. */
  settle(id: string): Login {
    const { profile, redirectUri, createdAtMs, expiresAtMs } = this.pending.get(id) ?? pendingLogin({ id })
    if (profile === null) throw new Error('a catch stores nothing')
    const stored = {
      storedIn: 'the login keychain (service catchd)',
      scope: 'email',
      accessTokenExpiresAtMs: NOW_MS + 3_600_000,
      hasRefreshToken: true,
      subject: null,
    }
    return this.end({
      id,
      profile,
      redirectUri,
      createdAtMs,
      expiresAtMs,
      status: 'succeeded',
      stored,
    })
  }

  end<Ended extends Login>(login: Ended): Ended {
    this.pending.set(login.id, login)
    for (const { resolve } of this.waiting.splice(0)) resolve()
    return login
  }

  #pend(profile: string, changes: Partial<PendingLogin> = {}): PendingLogin {
    const login = pendingLogin({ id: `login-${this.pending.size + 1}`, profile, ...changes })
    this.pending.set(login.id, login)
    return login
  }

  #view(name: string): ProfileView {
    const entry = this.#known(name)
    return {
      name,
      entry,
      status: 'logged_in',
      expiresAtMs: NOW_MS + 3_600_000,
      scope: 'email',
      subject: 'alice',
      loginNeededAtMs: NOW_MS + 86_400_000,
      obtainedAtMs: NOW_MS,
      canRefresh: true,
    }
  }

  #known(name: string): ProfileEntry {
    const entry = this.entries.get(name)
    if (entry === undefined) throw new CatchdError('profile_unknown', { profile: name })
    return entry
  }

  #called(...call: (string | number | undefined)[]): void {
    this.calls.push(call.filter((part) => part !== undefined).join(' '))
    if (this.trouble !== undefined) throw this.trouble
  }
}
