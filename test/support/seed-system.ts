/** The system that must work first: a gateway like webMethods', and the built daemon with a profile `gw` at it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { approve } from '../../src/demo/approval.js'
import { type Gateway, type GatewayOptions, startGateway } from '../../src/demo/gateway.js'
import { makeCertificates } from './certificates.js'
import { type Daemon, type LoginWalk, startDaemon } from './daemon.js'
import type { Environment } from './program.js'

export interface SeedSystemOptions extends GatewayOptions {
  /** Over TLS with a private CA, which the profile names. */
  readonly https?: boolean
  /** Keys of the profile beyond the seed's. */
  readonly profile?: object
  /** Profiles beside it. */
  readonly profiles?: Readonly<Record<string, object>>
  readonly env?: Environment
  /** Descriptors that the daemon may have open. */
  readonly openFiles?: number
}

export interface SeedSystem {
  readonly gateway: Gateway
  readonly daemon: Daemon
  /** A whole login that the gateway's first user approves. */
  login(): Promise<LoginWalk>
  /** The gateway's approval of an authorization URL: the authorization response. */
  approve(authorizationUrl: string): Promise<string>
  stop(): Promise<void>
}

export async function startSeedSystem(options: SeedSystemOptions = {}): Promise<SeedSystem> {
  const { https, profile, profiles, env, openFiles, ...gatewayOptions } = options
  const folder = mkdtempSync(join(tmpdir(), 'catchd-seed-'))
  const certificates = https === true ? makeCertificates(folder) : undefined
  const gateway = await startGateway({
    ...gatewayOptions,
    ...(certificates === undefined ? {} : { tls: { key: certificates.key, cert: certificates.cert } }),
  })
  const daemon = await startDaemon({
    env: { GW_SECRET: gateway.clientSecret ?? '', ...env },
    ...(openFiles === undefined ? {} : { openFiles }),
    config: {
      profiles: {
        gw: {
          preset: 'webmethods',
          base_url: gateway.baseUrl,
          client_id: gateway.clientId,
          client_secret: { env: 'GW_SECRET' },
          scope: 'email',
          ...(options.stateEcho === false ? { state_echo: false } : {}),
          ...(certificates === undefined ? {} : { ca_file: certificates.caFile }),
          ...profile,
        },
        ...profiles,
      },
    },
  })
  gateway.allowRedirectUri(daemon.redirectUri('gw'))
  const [user] = gateway.users
  const person = {
    user: user.name,
    password: user.password,
    ...(certificates === undefined ? {} : { ca: readFileSync(certificates.caFile, 'utf8') }),
  }
  return {
    gateway,
    daemon,
    login: () => daemon.login('gw', (url) => approve(url, person)),
    approve: (url) => approve(url, person),
    async stop() {
      await daemon.stop()
      await gateway.close()
      rmSync(folder, { recursive: true })
    },
  }
}
