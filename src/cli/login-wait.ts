/** The wait for the end of a login: what the user sees, how long it lasts, and the failure of an unsuccessful login. */
import { setTimeout as delay } from 'node:timers/promises'
import type {
  ExchangingLogin,
  LoginAnswer,
  LoginReport,
  PendingDeviceLogin,
  PendingLogin,
  StartedLoginAnswer,
} from '../client/api-types.js'
import type { CatchdClient } from '../client/client.js'
import { problemToError } from '../client/daemon-error.js'
import { advised } from '../diagnosis/advice.js'
import { CatchdError } from '../failures.js'
import { printable } from '../text/printable.js'
import { cut, printNote, styled } from './output.js'

export type SettledLogin = Exclude<LoginAnswer, StartedLoginAnswer | ExchangingLogin>
type SuccessfulLogin = Extract<LoginAnswer, { status: 'succeeded' }>
type UnsuccessfulLogin = Exclude<SettledLogin, SuccessfulLogin>

/** The daemon answers after this time at the latest, so the user sees a hint soon. The next question follows immediately. */
const POLL_SECONDS = 2

/** A login continues after a restart of the daemon, so the wait for it continues, too. */
const RESTARTS_WITHIN_MS = 10_000
/** While the daemon stops, it answers every question immediately. */
const PAUSE_MS = 200

/**
 * @param client - A client that does not start the daemon. Otherwise a waiting command would undo `catchd daemon stop`.
 * @param onHint - Called with each new hint: why the browser may not have come back.
 * @throws CatchdError the failure of the call; the reason of `signal`
 */
export async function untilSettled(
  client: CatchdClient,
  id: string,
  signal: AbortSignal,
  onHint: (hint: string) => void = printNote,
): Promise<SettledLogin> {
  let lostAtMs: number | undefined
  let lastHint: string | null | undefined
  for (;;) {
    const askedAtMs = Date.now()
    try {
      const login = await client.login(id, { waitSeconds: POLL_SECONDS, signal })
      if (login.status !== 'pending' && login.status !== 'exchanging') return login
      lostAtMs = undefined
      const { hint } = { hint: undefined, ...login }
      if (hint && hint !== lastHint) onHint(hint)
      lastHint = hint
    } catch (error) {
      const unreachable = error instanceof CatchdError && error.code === 'daemon_unreachable'
      lostAtMs ??= Date.now()
      if (!unreachable || Date.now() - lostAtMs > RESTARTS_WITHIN_MS) throw error
    }
    if (Date.now() - askedAtMs < PAUSE_MS) {
      await delay(PAUSE_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
}

/** @throws CatchdError the failure of the login, with its likely cause, if it did not succeed */
export function requireSuccess(login: SettledLogin): SuccessfulLogin {
  if (login.status === 'succeeded') return login
  // The user who cancelled it knows the cause.
  const causes = login.status === 'cancelled' ? [] : (login.report?.causes ?? [])
  throw advised(failureOf(login), causes)
}

function failureOf(login: UnsuccessfulLogin): CatchdError {
  const { profile } = login
  return (
    problemToError({ ...login.error, profile }) ??
    new CatchdError(login.status === 'expired' ? 'login_expired' : 'login_required', {
      detail: `The login ended as ${login.status}.`,
      ...(profile ? { profile } : {}),
    })
  )
}

/** The likely causes of a cancelled login. Empty if the daemon does not answer. */
export async function causesOf(client: CatchdClient, id: string): Promise<LoginReport['causes']> {
  try {
    return (await client.login(id, { signal: AbortSignal.timeout(2_000) })).report?.causes ?? []
  } catch {
    return []
  }
}

/**
 * Cancels a login, so that nothing waits for the browser any more.
 *
 * @param why - `timeout`: after the time limit of the command.
 */
export async function giveUp(client: CatchdClient, id: string, why?: 'timeout'): Promise<void> {
  try {
    await client.cancelLogin(id, { signal: AbortSignal.timeout(2_000), why })
  } catch {
    // It expires automatically. The command prints why it ends, not this failure.
  }
}

/** Prints what the user must do to finish a login. @param opened - Whether the daemon was told to open the browser. */
export function printInstructions(
  login: Pick<PendingLogin, 'authorization_url'> | PendingDeviceLogin,
  opened: boolean,
): void {
  if ('user_code' in login) {
    printNote(`Enter the code ${styled('bold', login.user_code)} at:`)
    printNote(login.verification_uri_complete ?? login.verification_uri)
    return
  }
  printNote(opened ? 'Open this URL if no browser appears:' : 'Open this URL in a browser:')
  printNote(login.authorization_url ?? '')
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const PERIOD_MS = 120
/** Moves the cursor to the start of the line and clears the line. */
const CLEAR = '\r\u001B[K'

/**
 * A line at the bottom of the terminal during a wait: its object and its duration. Nothing if stderr is not a terminal,
 * so that logs and pipes do not contain it.
 */
export class WaitingLine {
  readonly #text: string
  readonly #stream = process.stderr
  readonly #begunAtMs = Date.now()
  readonly #timer: NodeJS.Timeout | undefined
  #frame = 0

  constructor(text: string) {
    this.#text = printable(text)
    if (!this.#stream.isTTY || process.env['TERM'] === 'dumb') return
    this.#timer = setInterval(() => this.#draw(), PERIOD_MS)
    this.#timer.unref()
    this.#draw()
  }

  /** Prints above the line. */
  note(text: string): void {
    if (this.#timer !== undefined) this.#stream.write(CLEAR)
    printNote(text)
  }

  /** Clears the line. The next output begins there. */
  end(): void {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#stream.write(CLEAR)
  }

  #draw(): void {
    const seconds = Math.floor((Date.now() - this.#begunAtMs) / 1000)
    const frame = FRAMES[this.#frame % FRAMES.length]
    const rest = ` ${inWords(seconds)} (Ctrl-C cancels)`
    this.#frame += 1
    // Room for ^C, which the terminal may print after it, on the same line.
    const room = (this.#stream.columns || 80) - 4 - rest.length
    this.#stream.write(`${CLEAR}${frame} ${cut(this.#text, room)}${rest}`)
  }
}

function inWords(seconds: number): string {
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
