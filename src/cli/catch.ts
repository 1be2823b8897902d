/**
 * `catchd catch`: prints the next authorization response at a redirect URI as JSON. The code is not redeemed, because it
 * is for the program that made the authorization request.
 *
 * An error response is printed like any other. The exit code shows that it is an error, so a script that checks only the
 * exit code does not mistake it for a code.
 */
import type { Command } from '@commander-js/extra-typings'
import { CatchdError } from '../failures.js'
import type { Context } from './context.js'
import { giveUp, requireSuccess, untilSettled } from './login-wait.js'
import { printJson, printNote, styled } from './output.js'

const ANY_RESPONSE =
  'Without --state, any response at this address is accepted, even one that a web page invented. Compare its state yourself.'

export function define(command: Command, context: Context): void {
  command
    .option('--redirect-uri <uri>', 'redirect URI of the response; default: /callback of the redirect port')
    .option('--state <state>', 'state that the response must have; default: any response')
    .option('--json', 'accepted for scripts; the output is always JSON')
    .action(async ({ redirectUri, state }) => {
      const { redirectPort } = await context.settings()
      const begun = await context.client.beginLogin({
        redirectUri: redirectUri ?? `http://127.0.0.1:${redirectPort}/callback`,
        state,
      })
      printNote(`Waiting for an authorization response at ${begun.redirect_uri}`)
      if (state === undefined) printNote(styled('yellow', ANY_RESPONSE))
      await printResponse(context, begun.login_id)
    })
}

async function printResponse(context: Context, id: string): Promise<void> {
  const { watchingClient, signal } = context
  try {
    const caught = requireSuccess(await untilSettled({ context, id, again: 'catchd catch', signal }))
    if (!('response' in caught) || caught.response === undefined) throw alreadyGiven()
    printJson(caught.response)
    refuseErrorResponse(caught.response)
  } catch (error) {
    if (signal.aborted) await giveUp(watchingClient, id)
    throw again(error)
  }
}

/** The failures of a wait are written for logins, whose next command is another login. Replaces that command. */
function again(error: unknown): unknown {
  const isOver =
    error instanceof CatchdError && (error.code === 'login_expired' || error.code === 'login_required')
  if (!isOver || error.detail === undefined) return error
  return new CatchdError(error.code, { detail: error.detail, next: 'catchd catch' })
}

/** RFC 6749 §4.1.2.1. The exit code is 3 if the user denied access, and 4 if the server refused. */
function refuseErrorResponse({ error, error_description }: Readonly<Record<string, string>>): void {
  if (error === undefined) return
  throw new CatchdError(error === 'access_denied' ? 'authorization_denied' : 'provider_refused', {
    error,
    ...(error_description === undefined ? {} : { errorDescription: error_description }),
    next: 'catchd catch',
  })
}

function alreadyGiven(): CatchdError {
  return new CatchdError('login_unknown', {
    detail: 'The response arrived, but another program has already received it.',
    next: 'catchd catch',
  })
}
