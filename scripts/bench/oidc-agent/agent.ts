/**
 * The C peer oidc-agent in a home of its own: its agent process, and logins with oidc-gen. Account configurations,
 * sealed with a password, are all that it keeps.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from '../../../test/support/free-port.js'
import { environment } from '../../../test/support/program.js'
import { beginLogin, type LoginCommand } from './login-command.js'

const execute = promisify(execFile)
const STARTS_WITHIN_MS = 5_000

/** The registration that both sides use. */
export interface Registration {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
}

export class OidcAgent {
  /** For the commands that ask this agent. */
  readonly env: Record<string, string>
  readonly #folder: string
  readonly #process: ChildProcess
  #accounts = 0

  private constructor(folder: string, env: Record<string, string>, process: ChildProcess) {
    this.#folder = folder
    this.env = env
    this.#process = process
  }

  static async start(): Promise<OidcAgent> {
    const folder = await mkdtemp(join(tmpdir(), 'catchd-oidc-agent-'))
    const env = environment({
      HOME: folder,
      OIDC_SOCK: join(folder, 'agent.sock'),
      OIDC_ENCRYPTION_PW: 'a password for the bench',
    })
    // Not in the background, so that its pid is known; a redirect URI of a scheme of its own is of no use here.
    const started = spawn('oidc-agent', ['--console', `--socket-path=${env['OIDC_SOCK']}`, '--no-scheme'], {
      env,
      stdio: 'ignore',
    })
    const agent = new OidcAgent(folder, env, started)
    const giveUpAtMs = Date.now() + STARTS_WITHIN_MS
    while (!(await agent.#answers())) {
      if (Date.now() < giveUpAtMs && started.exitCode === null) await delay(20)
      else {
        await agent.stop()
        throw new Error('oidc-agent does not answer.')
      }
    }
    return agent
  }

  async #answers(): Promise<boolean> {
    return execute('oidc-agent', ['--status'], { env: this.env, timeout: 1_000 }).then(
      () => true,
      () => false,
    )
  }

  /** oidc-gen for an account of its own, on a port that no connection of the login before still holds. */
  async beginLogin({ issuer, clientId, clientSecret }: Registration): Promise<LoginCommand> {
    const account = `account${this.#accounts++}`
    const args = [
      ...['--manual', `--issuer=${issuer}`, `--client-id=${clientId}`, `--client-secret=${clientSecret}`],
      ...[
        `--redirect-uri=http://localhost:${await freePort()}`,
        '--scope=openid offline_access',
        '--flow=code',
      ],
      ...['--no-url-call', '--no-scheme', '--prompt=none', '--pw-env', '--confirm-default', account],
    ]
    return beginLogin(account, 'oidc-gen', args, this.env)
  }

  /** The web servers that it started for its logins end by themselves some seconds later. */
  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, 'exit')
      this.#process.kill()
      await ended
    }
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 3 })
  }
}
