/**
 * Where crashes are played: the built daemon in a home of its own, with one profile at a counting authorization
 * server, on the sealed file vault or on a real keyring.
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { LastingVault } from '../../src/vault/vault-kinds.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import type { Exchanged } from '../support/http-client.js'
import { type Keyring, startKeyring } from '../support/keyring.js'
import { CountingServer, type Rotation } from './counting-server.js'

export interface Begun {
  readonly id: string
  readonly authorizationUrl: string
}

const PROFILE = 'crash'
const STARTS_WITHIN_MS = 60_000
/** More than the longest lifetime of a token here: makes every question one at expiry. */
const AT_EXPIRY = 3_601

export class Scene {
  readonly vault: LastingVault
  readonly server: CountingServer
  readonly daemon: Daemon
  /** The file that holds the stored token sets. */
  readonly storeFile: string
  readonly #keyring: Keyring | undefined

  private constructor(
    vault: LastingVault,
    server: CountingServer,
    daemon: Daemon,
    keyring: Keyring | undefined,
  ) {
    this.vault = vault
    this.server = server
    this.daemon = daemon
    this.#keyring = keyring
    this.storeFile =
      keyring === undefined
        ? join(daemon.home, 'state', 'vault.sealed')
        : join(keyring.env['XDG_DATA_HOME'] ?? '', 'keyrings', 'login.keyring')
  }

  static async start(vault: LastingVault, rotation: Rotation = 'strict'): Promise<Scene> {
    const server = await CountingServer.start(rotation)
    const keyring = vault === 'keychain' ? await startKeyring() : undefined
    const { HOME: _home, ...session } = keyring?.env ?? {}
    const daemon = await startDaemon({
      env: { ...session, CATCHD_VAULT: vault },
      config: {
        profiles: {
          [PROFILE]: {
            authorization_endpoint: `${server.origin}/authorize`,
            token_endpoint: `${server.origin}/token`,
            client_id: 'catchd',
          },
        },
      },
    })
    return new Scene(vault, server, daemon, keyring)
  }

  async stop(): Promise<void> {
    await this.daemon.stop()
    await this.#keyring?.stop()
    await this.server.close()
  }

  /** Starts the daemon again after a kill, and waits until it has read what the last run left behind. */
  async startAgain(): Promise<void> {
    await this.daemon.start()
    const giveUpAtMs = Date.now() + STARTS_WITHIN_MS
    while (!(await this.#hasStarted())) {
      if (Date.now() > giveUpAtMs) throw new Error('The daemon does not finish its start.')
      await delay(5)
    }
  }

  async #hasStarted(): Promise<boolean> {
    const lines = (await readFile(join(this.daemon.home, 'state', 'catchd.log'), 'utf8')).split('\n')
    return lines.some(
      (line) => line.includes('"daemon.started"') && line.includes(`"pid":${this.daemon.pid},`),
    )
  }

  /**
   * gnome-keyring 42 aborts once in some hundred clients that are killed; a session starts it again, and what it
   * had stored must be there.
   *
   * @returns Whether it had gone.
   */
  async reviveKeyring(): Promise<boolean> {
    if (this.#keyring === undefined || (await ownsItsName(this.#keyring))) return false
    await this.#keyring.restart()
    return true
  }

  /** `POST /v1/logins`. @throws when it does not begin */
  async begin(): Promise<Begun> {
    const answer = await this.daemon.api('POST', '/v1/logins', { body: { profile: PROFILE, open: false } })
    if (answer.status !== 201) throw new Error(`The login does not begin: ${answer.status} ${answer.text}`)
    return { id: String(answer.json['login_id']), authorizationUrl: String(answer.json['authorization_url']) }
  }

  /** Brings an authorization response as the browser does. */
  deliver(response: string): Promise<Exchanged> {
    return this.daemon.follow(response, { timeoutMs: 15_000 })
  }

  /** A whole login. @throws when it does not succeed */
  async login(): Promise<void> {
    const { id, authorizationUrl } = await this.begin()
    await this.deliver(this.server.approve(authorizationUrl))
    const login = await this.loginStatus(id)
    if (login.status !== 'succeeded') throw new Error(`The login ends ${login.status} (${login.code}).`)
  }

  /** `GET /v1/logins/{id}` once it is settled. */
  async loginStatus(id: string): Promise<{ readonly status: string; readonly code: string }> {
    const { json } = await this.daemon.api('GET', `/v1/logins/${id}?wait=10`)
    const error = json['error'] as { code?: string } | null | undefined
    return { status: String(json['status']), code: String(json['code'] ?? error?.code ?? '') }
  }

  token() {
    return this.daemon.api('GET', `/v1/tokens/${PROFILE}`)
  }

  /** Has the token set refreshed as a tool does that comes at expiry. */
  tokenAtExpiry() {
    return this.daemon.api('GET', `/v1/tokens/${PROFILE}?min_ttl=${AT_EXPIRY}`)
  }

  refresh() {
    return this.daemon.api('POST', `/v1/tokens/${PROFILE}/refresh`)
  }

  async logout(): Promise<void> {
    await this.daemon.api('DELETE', `/v1/tokens/${PROFILE}`)
  }
}

async function ownsItsName({ env }: Keyring): Promise<boolean> {
  const call = ['org.freedesktop.DBus.NameHasOwner', 'string:org.freedesktop.secrets']
  const options = ['--session', '--print-reply=literal', '--dest=org.freedesktop.DBus', '/']
  return (await promisify(execFile)('dbus-send', [...options, ...call], { env })).stdout.includes('true')
}
