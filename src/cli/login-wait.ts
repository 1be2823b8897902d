/** Waiting for a login to be settled, and turning what it ended with into a failure. */
import type { CatchdClient } from '../client/client.js'
import { problemToError } from '../client/transport.js'
import type { LoginAnswer } from '../client/wire.js'
import { CatchdError } from '../failures.js'

/** One long poll; the next one follows at once. */
const POLL_SECONDS = 60

/** @throws CatchdError of the call; what `signal` was aborted with */
export async function untilSettled(
  client: CatchdClient,
  id: string,
  signal: AbortSignal,
): Promise<LoginAnswer> {
  for (;;) {
    const login = await client.login(id, { wait: POLL_SECONDS, signal })
    if (login.status !== 'pending' && login.status !== 'exchanging') return login
  }
}

/** Resolves the login that succeeded. @throws CatchdError why it did not */
export function requireSuccess(login: LoginAnswer): LoginAnswer {
  if (login.status === 'succeeded') return login
  const profile = login.profile ?? undefined
  throw (
    problemToError({ ...login.error, profile }) ??
    new CatchdError(login.status === 'expired' ? 'login_expired' : 'login_required', {
      detail: `The login ended as ${login.status}.`,
      ...(profile === undefined ? {} : { profile }),
    })
  )
}

/** The person changed their mind or the time ran out: nothing should still wait for the browser. */
export async function giveUp(client: CatchdClient, id: string): Promise<void> {
  try {
    await client.cancelLogin(id, { signal: AbortSignal.timeout(2_000) })
  } catch {
    // It expires by itself; why this command ends is what the person should read.
  }
}
