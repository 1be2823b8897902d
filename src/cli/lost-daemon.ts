/**
 * A wait that goes on when the daemon ends: pending logins are in the vault, so the next daemon has them.
 *
 * A daemon that was killed is started again, as by any command that needs it. A daemon that was stopped (`catchd daemon
 * stop`, `restart`) is not: the wait would undo the command of the user. It ends if no daemon starts soon.
 */
import { existsSync } from 'node:fs'
import type { CatchdClient } from '../client/client.js'
import { NothingListens } from '../client/daemon-error.js'
import { CatchdError } from '../failures.js'
import type { Context } from './context.js'

const RESTARTS_WITHIN_MS = 10_000

const BACK =
  'The daemon runs again, and the login still waits. If the browser could not connect meanwhile, load its page again.'

export class LostDaemon {
  readonly #context: Context
  readonly #again: string
  readonly #say: (text: string) => void
  #lostAtMs: number | undefined
  #wasLost = false
  #hasDied = false

  /** @param wait.again - The command that begins another login. */
  constructor(
    { context, again }: { readonly context: Context; readonly again: string },
    say: (text: string) => void,
  ) {
    this.#context = context
    this.#again = again
    this.#say = say
  }

  /** For the next question. It starts the daemon only after the last one has died. */
  get client(): CatchdClient {
    return this.#hasDied ? this.#context.client : this.#context.watchingClient
  }

  answered(): void {
    if (this.#lostAtMs !== undefined) this.#say(BACK)
    this.#lostAtMs = undefined
    this.#hasDied = false
  }

  /** @throws The failure, unless the daemon may soon be back */
  failed(error: unknown): void {
    if (!(error instanceof CatchdError)) throw error
    if (error.code === 'login_unknown' && this.#wasLost) {
      throw new CatchdError('login_required', {
        detail: 'The daemon ended while the login waited, and its vault kept nothing.',
        next: this.#again,
      })
    }
    if (error.code !== 'daemon_unreachable') throw error
    if (this.#lostAtMs === undefined) this.#lose(error)
    else if (Date.now() - this.#lostAtMs > RESTARTS_WITHIN_MS) throw this.#gone(error)
  }

  #lose(error: CatchdError): void {
    this.#lostAtMs = Date.now()
    this.#wasLost = true
    const { environment, folders } = this.#context
    if (environment.url !== undefined) {
      this.#say('The connection to the daemon was lost. Trying again.')
      return
    }
    // A daemon that stops answers first, and removes its socket.
    this.#hasDied = !(error instanceof NothingListens) || existsSync(folders.socketPath)
    this.#say(
      this.#hasDied
        ? 'The daemon has ended unexpectedly. Starting it again.'
        : 'The daemon was stopped. Waiting until it is started again.',
    )
  }

  #gone(error: CatchdError): CatchdError {
    const detail = this.#hasDied
      ? error.message
      : 'The daemon was stopped while the login waited, and was not started again.'
    return new CatchdError('daemon_unreachable', { detail, next: this.#again })
  }
}
