/** Waiting for a login to be settled, and turning what it ended with into a failure. */
import { setTimeout } from 'node:timers/promises'
import type { ExchangingLogin, LoginAnswer, LoginReport, StartedLoginAnswer } from '../client/api-types.js'
import type { CatchdClient } from '../client/client.js'
import { problemToError } from '../client/daemon-error.js'
import { advised } from '../diagnosis/advice.js'
import { CatchdError } from '../failures.js'

export type SettledLogin = Exclude<LoginAnswer, StartedLoginAnswer | ExchangingLogin>
type SuccessfulLogin = Extract<LoginAnswer, { status: 'succeeded' }>
type UnsuccessfulLogin = Exclude<SettledLogin, SuccessfulLogin>

/** One long poll; the next one follows at once. */
const POLL_SECONDS = 60

/** Logins outlive a restart of the daemon, and so does the wait for one. */
const RESTARTS_WITHIN_MS = 10_000
/** A daemon that is about to stop answers every wait at once. */
const PAUSE_MS = 200

/**
 * @param client - One that starts nothing: `catchd daemon stop` would otherwise be undone by whoever waits.
 * @throws CatchdError of the call; what `signal` was aborted with
 */
export async function untilSettled(
  client: CatchdClient,
  id: string,
  signal: AbortSignal,
): Promise<SettledLogin> {
  let lostAtMs: number | undefined
  for (;;) {
    const askedAtMs = Date.now()
    try {
      const login = await client.login(id, { waitSeconds: POLL_SECONDS, signal })
      if (login.status !== 'pending' && login.status !== 'exchanging') return login
      lostAtMs = undefined
    } catch (error) {
      const unreachable = error instanceof CatchdError && error.code === 'daemon_unreachable'
      lostAtMs ??= Date.now()
      if (!unreachable || Date.now() - lostAtMs > RESTARTS_WITHIN_MS) throw error
    }
    if (Date.now() - askedAtMs < PAUSE_MS) await delay(PAUSE_MS, signal)
  }
}

async function delay(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => signal.throwIfAborted())
}

/** Resolves the login that succeeded. @throws CatchdError why it did not, with the likely cause */
export function requireSuccess(login: SettledLogin): SuccessfulLogin {
  if (login.status === 'succeeded') return login
  // Who cancelled it knows why.
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

/** What a login that was given up has to say; nothing where the daemon does not answer. */
export async function causesOf(client: CatchdClient, id: string): Promise<LoginReport['causes']> {
  try {
    return (await client.login(id, { signal: AbortSignal.timeout(2_000) })).report?.causes ?? []
  } catch {
    return []
  }
}

/** The person changed their mind or the time ran out: nothing should still wait for the browser. */
export async function giveUp(client: CatchdClient, id: string): Promise<void> {
  try {
    await client.cancelLogin(id, { signal: AbortSignal.timeout(2_000) })
  } catch {
    // It expires by itself; why this command ends is what the person should read.
  }
}
