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
  'The daemon runs again, and the login still waits. If the browser could not connect, load its page again.'

export class LostDaemon {
  readonly #context: Context
  readonly #again: string
  readonly #say: (text: string) => void
  #lostAtMs: number | undefined
  /** The next answer may come from another daemon than the one that has the login. */
  #mayBeAnother = false
  #isTold = false
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
    if (this.#isTold) this.#say(BACK)
    this.#mayBeAnother = true
    this.#lostAtMs = undefined
    this.#isTold = false
    this.#hasDied = false
  }

  /** @throws The failure, unless the daemon may soon be back */
  failed(error: unknown): void {
    if (!(error instanceof CatchdError)) throw error
    if (error.code === 'login_unknown' && this.#mayBeAnother) {
      throw new CatchdError('login_required', {
        detail: 'The daemon ended while the login waited, and its vault kept nothing.',
        next: this.#again,
      })
    }
    if (error.code !== 'daemon_unreachable') throw error
    this.#lostAtMs ??= Date.now()
    if (Date.now() - this.#lostAtMs > RESTARTS_WITHIN_MS) throw this.#gone(error)
    if (!this.#isTold) this.#lose(error)
  }

  /** A question that was cut off does not show why. The next one does. */
  #lose(error: CatchdError): void {
    this.#mayBeAnother = true
    const { environment, folders } = this.#context
    const isLocal = environment.url === undefined
    if (isLocal && !(error instanceof NothingListens)) return
    this.#isTold = true
    // A daemon that stops removes its socket. One that was killed leaves it.
    this.#hasDied = isLocal && existsSync(folders.socketPath)
    if (!isLocal) this.#say('The connection to the daemon was lost. Trying again.')
    else if (this.#hasDied) this.#say('The daemon has ended unexpectedly. Starting it again.')
    else this.#say('The daemon was stopped. Waiting until it is started again.')
  }

  #gone(error: CatchdError): CatchdError {
    const wasStopped = this.#isTold && !this.#hasDied && this.#context.environment.url === undefined
    const detail = wasStopped
      ? 'The daemon was stopped while the login waited, and was not started again.'
      : error.message
    return new CatchdError('daemon_unreachable', { detail, next: this.#again })
  }
}
