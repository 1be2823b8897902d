/**
 * `catchd catch`: the next authorization response at a redirect URI, as JSON. Nothing is redeemed: the code is
 * for whoever built the authorization request.
 *
 * An error response is printed like any other, and the exit code says what it means: a script that only looks at that
 * does not take an error for a code.
 */
import type { Command } from 'commander'
import { CatchdError } from '../failures.js'
import type { Context } from './context.js'
import { giveUp, requireSuccess, untilSettled } from './login-wait.js'
import { printJson, printNote } from './output.js'
import { printable } from './printable.js'

interface CatchOptions {
  readonly redirectUri?: string
  readonly state?: string
}

export function defineCatch(command: Command, context: Context): void {
  command
    .option('--redirect-uri <uri>', 'where the response arrives; unset: the default listener, /callback')
    .option('--state <state>', 'the state it must carry; unset: any response')
    .option('--json', 'the response is always printed as JSON')
    .action((options: CatchOptions) => catchResponse(context, options))
}

async function catchResponse(context: Context, options: CatchOptions): Promise<void> {
  const { client, signal, environment } = context
  const begun = await client.beginLogin({
    redirectUri: options.redirectUri ?? `http://127.0.0.1:${environment.redirectPort}/callback`,
    state: options.state,
  })
  printNote(`Waiting for an authorization response at ${printable(begun.redirect_uri)}`)
  try {
    const caught = requireSuccess(await untilSettled(context.watchingClient, begun.login_id, signal))
    if (!('response' in caught) || caught.response === undefined) throw handedOver()
    printJson(caught.response)
    refuseErrorResponse(caught.response)
  } catch (error) {
    if (signal.aborted) await giveUp(context.watchingClient, begun.login_id)
    throw again(error)
  }
}

/** What ends a wait is said of logins in general, whose next step would be another login. */
function again(error: unknown): unknown {
  const isOver =
    error instanceof CatchdError && (error.code === 'login_expired' || error.code === 'login_required')
  if (!isOver || error.detail === undefined) return error
  return new CatchdError(error.code, { detail: error.detail, next: 'catchd catch' })
}

/** RFC 6749 §4.1.2.1; 3 where a person said no, 4 where the server did. */
function refuseErrorResponse({ error, error_description }: Readonly<Record<string, string>>): void {
  if (error === undefined) return
  throw new CatchdError(error === 'access_denied' ? 'authorization_denied' : 'provider_refused', {
    error,
    ...(error_description === undefined ? {} : { errorDescription: error_description }),
    next: 'catchd catch',
  })
}

function handedOver(): CatchdError {
  return new CatchdError('login_unknown', {
    detail: 'The response came, and was handed to another caller.',
    next: 'catchd catch',
  })
}
