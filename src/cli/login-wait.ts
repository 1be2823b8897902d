/**
 * The wait for the end of a login: what the user sees meanwhile, how long it lasts, and the failure of an unsuccessful
 * login. Every command that waits for a person uses it. lost-daemon.ts goes on after the daemon has ended.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ExchangingLogin, LoginAnswer, LoginReport, StartedLoginAnswer } from '../client/api-types.js'
import type { CatchdClient } from '../client/client.js'
import { problemToError } from '../client/daemon-error.js'
import { advised, whileSilent } from '../diagnosis/advice.js'
import { CatchdError } from '../failures.js'
import type { Context } from './context.js'
import { LostDaemon } from './lost-daemon.js'
import { printNote, styled } from './output.js'
import { spanInWords } from './waiting-line.js'

export type SettledLogin = Exclude<LoginAnswer, StartedLoginAnswer | ExchangingLogin>
type SuccessfulLogin = Extract<LoginAnswer, { status: 'succeeded' }>
type UnsuccessfulLogin = Exclude<SettledLogin, SuccessfulLogin>

/** The daemon answers after this time at the latest, so the user sees a hint soon. The next question follows immediately. */
const POLL_SECONDS = 2
/** The first questions do not wait: a browser that cannot be opened is known after a moment. */
const QUICK_QUESTIONS = 2
/** While the daemon stops, it answers every question immediately. */
const PAUSE_MS = 200

export interface Wait {
  readonly context: Context
  /** Of the login. */
  readonly id: string
  /** The command that begins another login. */
  readonly again: string
  readonly signal: AbortSignal
  readonly hints?: Hints
  /** Called once, if the login still waits when it is first asked for. */
  readonly onPending?: (login: StartedLoginAnswer) => void
}

/** Tells the user each hint once: a login has the same hint in many answers. */
export class Hints {
  readonly #said = new Set<string>()
  readonly #print: (lines: readonly string[]) => void
  readonly #isOfUse: (line: string) => boolean

  constructor(print: (lines: readonly string[]) => void = printNote, isOfUse = (_line: string) => true) {
    this.#print = print
    this.#isOfUse = isOfUse
  }

  /** Something that happened, which may happen again. */
  tell(line: string): void {
    this.#print([line])
  }

  /** @param after - A line for the end, if any of the others is new. */
  say(lines: readonly string[], after?: string): void {
    const unsaid = lines.filter((line) => !this.#said.has(line) && this.#isOfUse(line))
    if (unsaid.length === 0) return
    for (const line of unsaid) this.#said.add(line)
    this.#print(after === undefined ? unsaid : [...unsaid, after])
  }
}

/** @throws CatchdError the failure of the call; the reason of `signal` */
export async function untilSettled(wait: Wait): Promise<SettledLogin> {
  const { id, signal, hints = new Hints() } = wait
  const daemon = new LostDaemon(wait, (text) => hints.tell(text))
  let isShown = false
  for (let questions = 0; ; questions += 1) {
    const askedAtMs = Date.now()
    try {
      const waitSeconds = questions < QUICK_QUESTIONS ? 0 : POLL_SECONDS
      const login = await daemon.client.login(id, { waitSeconds, signal })
      daemon.answered()
      if (login.status !== 'pending' && login.status !== 'exchanging') return login
      if (login.status === 'pending' && !isShown) wait.onPending?.(login)
      isShown = true
      if (login.status === 'pending' && login.hint) hints.say(login.hint.split('\n'), stillWaiting(login))
    } catch (error) {
      daemon.failed(error)
    }
    if (Date.now() - askedAtMs < PAUSE_MS) {
      await delay(PAUSE_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
}

function stillWaiting({ expires_at }: StartedLoginAnswer): string {
  const seconds = Math.max(0, Math.floor((Date.parse(expires_at) - Date.now()) / 1000))
  return `The login still waits. It ends in ${spanInWords(seconds)}.`
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

/** The login after {@link giveUp}; `undefined` if the daemon does not answer. */
export async function givenUp(client: CatchdClient, id: string): Promise<LoginAnswer | undefined> {
  return client.login(id, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined)
}

/** The likely causes of a login that was given up. */
export function causesOf(login: LoginAnswer | undefined): LoginReport['causes'] {
  return login?.report?.causes ?? []
}

/** What the user who cancels a login should know about it. */
export function afterCancelling(login: LoginAnswer | undefined): string[] {
  if (login?.status === 'succeeded' || login?.status === 'exchanging')
    return ['The browser had already answered, so the login was not cancelled. Run: catchd status']
  return ['The login was cancelled.', ...(login?.status === 'cancelled' ? whileSilent(causesOf(login)) : [])]
}

/** Prints what the user must do to finish a login. @param opened - Whether the daemon was told to open the browser. */
export function printInstructions(login: StartedLoginAnswer, opened: boolean): void {
  if ('user_code' in login) {
    printNote(`Enter the code ${styled('bold', login.user_code)} at:`)
    printNote(login.verification_uri_complete ?? login.verification_uri)
  } else if (login.authorization_url !== undefined) {
    printNote(opened ? 'Open this URL if no browser appears:' : 'Open this URL in a browser:')
    printNote(login.authorization_url)
  }
}
