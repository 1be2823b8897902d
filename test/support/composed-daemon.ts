/**
 * The real daemon in this process. Only the edges are fake: the clock stands still, authorization servers answer what a
 * test lays out, and the vault is in memory unless a test says otherwise. Everything is in a temporary folder.
 */
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { TokenResponse } from '../../src/authorization-server/issued-tokens.js'
import type {
  ClientDescription,
  DiscoveredServer,
  Inspection,
  ServerDiscovery,
  ToolRequest,
} from '../../src/authorization-server/port.js'
import type { Clock } from '../../src/clock.js'
import { parseEnvironment } from '../../src/config/environment.js'
import { ensureFolder, resolveFolders } from '../../src/config/folders.js'
import type { Profile } from '../../src/config/profile.js'
import { readSettings } from '../../src/config/settings.js'
import { compose } from '../../src/daemon/compose.js'
import type { DaemonSettings } from '../../src/daemon/parts.js'
import type { ServerParts, Servers } from '../../src/daemon/tokens.js'
import { CatchdError } from '../../src/failures.js'
import type { Login } from '../../src/login/login.js'
import { Secret } from '../../src/secret.js'
import type { TokenSet } from '../../src/tokens/token-set.js'
import type { Vault } from '../../src/vault/vault.js'
import { FakeAuthorizationServers, tokenResponse } from './fake-authorization-servers.js'
import { ManualClock } from './manual-clock.js'

export const NOW_MS = Date.parse('2026-01-01T00:00:00Z')
export const ACCESS_TOKEN = 'access-canary-5d1c'
export const REFRESH_TOKEN = 'refresh-canary-77ab'
export const CODE = 'code-canary-c0de'
export const PROOF = 'header.payload.signature'

const part = (content: object) => Buffer.from(JSON.stringify(content)).toString('base64url')
/** With five minutes left at first. */
export const ID_TOKEN = [
  part({ alg: 'ES256' }),
  part({ iss: 'https://id.example.com', sub: 'alice', exp: NOW_MS / 1000 + 300 }),
  'canary',
].join('.')

/** What the authorization server issues. */
export function issued(changes: Partial<TokenResponse> = {}): TokenResponse {
  return tokenResponse({
    accessToken: new Secret(ACCESS_TOKEN),
    refreshToken: new Secret(REFRESH_TOKEN),
    scope: 'email',
    idToken: new Secret(ID_TOKEN),
    issuer: 'https://id.example.com',
    subject: 'alice',
    ...changes,
  })
}

export const PROFILES = {
  gw: { issuer: 'https://id.example.com', client_id: 'catchd', scope: 'openid email' },
  corp: { issuer: 'https://corp.example.com', client_id: 'catchd', client_secret: { keychain: true } },
}

/** All that the daemon asks of authorization servers; `asked` holds every question. */
export class FakeServers extends FakeAuthorizationServers implements Servers {
  readonly asked: string[] = []
  override answer = () => issued()
  inspection: Inspection = {
    idToken: { header: { alg: 'ES256' }, claims: { sub: 'ada' } },
    introspection: { outcome: 'answered', members: { active: true } },
    userinfo: { outcome: 'not_asked' },
  }
  readonly discovered: DiscoveredServer = {
    url: 'https://mcp.example.com/mcp',
    resource: 'https://mcp.example.com/mcp',
    issuer: 'https://mcp.example.com',
    issuers: ['https://mcp.example.com'],
    scope: null,
    wantsDpop: false,
    registersClients: true,
    takesClientMetadataDocuments: false,
  }

  override async prepare(profile: Profile, ...rest: [Parameters<FakeAuthorizationServers['prepare']>[1]]) {
    this.asked.push(`prepare ${profile.name}`)
    return super.prepare(profile, ...rest)
  }

  override async refresh(profile: Profile, ...rest: [TokenSet, (refreshToken: Secret) => Promise<void>]) {
    this.asked.push(`refresh ${profile.name}`)
    return super.refresh(profile, ...rest)
  }

  override async revoke(profile: Profile, current: TokenSet) {
    this.asked.push(`revoke ${profile.name}`)
    return super.revoke(profile, current)
  }

  async prove(profile: Profile, _accessToken: Secret, request: ToolRequest): Promise<string> {
    this.asked.push(`prove ${profile.name} ${JSON.stringify(request)}`)
    return PROOF
  }

  async inspect(profile: Profile): Promise<Inspection> {
    this.asked.push(`inspect ${profile.name}`)
    return this.inspection
  }

  async forgetKey(): Promise<void> {}
  dropKeys(): void {}

  async forgetIssuer(): Promise<void> {}

  readonly discovery: ServerDiscovery = {
    discover: async (url, caFile) => {
      this.asked.push(['discover', url, ...(caFile === undefined ? [] : [caFile])].join(' '))
      return { ...this.discovered, url, resource: url }
    },
    register: async (issuer: string, { scope }: ClientDescription) => {
      this.asked.push(`register ${issuer} ${scope}`)
      return {
        clientId: 'registered-1',
        clientSecret: null,
        method: 'none',
        record: new Secret('{"client_id":"registered-1"}'),
      }
    },
    unregister: async (issuer: string) => void this.asked.push(`unregister ${issuer}`),
  }
}

export interface ComposedOptions {
  /** Content of config.jsonc; text is written as it is. */
  readonly config?: object | string
  /** An existing home, which is left behind. */
  readonly home?: string
  readonly env?: Readonly<Record<string, string>>
  readonly clock?: Clock
  readonly activated?: DaemonSettings['activated']
}

export type ComposedDaemon = Awaited<ReturnType<typeof composeDaemon>>

export async function makeHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'catchd-'))
  onTestFinished(() => rm(home, { recursive: true, force: true, maxRetries: 5 }))
  return home
}

/** Composed, and not started. It is stopped at the end of the test, where the test did not stop it. */
export async function composeDaemon(options: ComposedOptions = {}) {
  const home = options.home ?? (await makeHome())
  const environment = parseEnvironment({
    CATCHD_HOME: home,
    CATCHD_API_PORT: '0',
    CATCHD_REDIRECT_PORT: '0',
    CATCHD_VAULT: 'memory',
    CATCHD_BROWSER: 'none',
    ...options.env,
  })
  const folders = resolveFolders(environment)
  for (const folder of [folders.configFolder, folders.stateFolder, folders.runtimeFolder]) {
    await ensureFolder(folder)
  }
  const writeConfig = async (config: object | string) => {
    await mkdir(home, { recursive: true })
    // In one step: the daemon gives a file that is empty for a moment some time, by the clock that stands still.
    const unfinished = `${folders.configFile}.new`
    await writeFile(unfinished, typeof config === 'string' ? config : JSON.stringify(config), { mode: 0o600 })
    await rename(unfinished, folders.configFile)
  }
  if (options.home === undefined || options.config !== undefined) {
    await writeConfig(options.config ?? { profiles: PROFILES })
  }
  const manual = new ManualClock()
  const servers = new FakeServers()
  const logged: { readonly event: string; readonly [member: string]: unknown }[] = []
  const effects: string[] = servers.asked
  const log = {
    info: (event: object) => void logged.push(event as (typeof logged)[number]),
    warn: (event: object) => void logged.push(event as (typeof logged)[number]),
    error: (event: object) => void logged.push(event as (typeof logged)[number]),
    debug: () => {},
    setLevel: () => {},
    isVerbose: false,
    close: async () => {},
  }
  let vault: Vault | undefined
  const daemon = await compose(
    {
      environment,
      section: (await readSettings(folders.configFile)).section,
      folders,
      log,
      version: '0.0.0',
      activated: options.activated ?? {},
      onStop: () => void effects.push('stop'),
    },
    {
      clock: options.clock ?? manual,
      connect: (parts: ServerParts) => {
        vault = parts.vault
        return servers
      },
    },
  )
  if (vault === undefined) throw new Error('The daemon connected no servers.')
  const { services, keys } = daemon
  services.subscribe(({ event, profile, client }) => {
    effects.push([event, client, profile].filter((word) => word !== undefined).join(' '))
  })
  let isOver = false
  const stop = async () => {
    if (isOver) return
    isOver = true
    await daemon.stop()
  }
  onTestFinished(stop)

  /** What the person's browser brings when they approve. */
  const responseOf = (id: string): string => {
    const login = services.logins.find(id)
    if (login?.status !== 'pending' || !('state' in login) || login.state === null) {
      throw new Error('There is no pending login of this id.')
    }
    return `${login.redirectUri}?code=${CODE}&state=${encodeURIComponent(login.state.reveal())}`
  }
  /** A person approves a pending login. */
  const approve = (id: string): Promise<Login> => services.logins.paste(id, responseOf(id))

  return {
    ...{
      home,
      folders,
      environment,
      clock: manual,
      servers,
      vault: vault as Vault,
      logged,
      services,
      keys,
      writeConfig,
      stop,
    },
    /** Everything that a call caused: questions to servers, public events, the end of the daemon. Reading causes nothing. */
    effects,
    start: () => daemon.start(),
    responseOf,
    approve,

    /** A whole login, which brings these tokens. Its effects are forgotten. */
    async logIn(profile: string, changes: Partial<TokenResponse> = {}): Promise<Login> {
      const { answer } = servers
      servers.answer = () => issued(changes)
      const { id } = await services.logins.begin({ profile, open: false })
      const login = await approve(id)
      servers.answer = answer
      effects.length = 0
      if (login.status !== 'succeeded') throw 'failure' in login ? login.failure : new Error(login.status)
      return login
    },

    /** The login that was begun for the profile, as soon as there is one. */
    async begun(profile: string): Promise<Login> {
      for (let polls = 0; polls < 400; polls++) {
        const [login] = services.logins.pendingOf(profile)
        if (login !== undefined) return login
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      throw new Error(`No login of ${profile} begins.`)
    },

    /** A login that the person refuses. */
    async deny(id: string): Promise<Login> {
      return services.logins.paste(id, responseOf(id).replace(`code=${CODE}`, 'error=access_denied'))
    },
  }
}

/** The code of a failure, for one line of an assertion. */
export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error instanceof CatchdError ? error.code : String(error)),
  )
