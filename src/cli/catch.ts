/**
 * `catchd catch`: the next authorization response at a redirect URI, as JSON. Nothing is redeemed: the code is
 * for whoever built the authorization request.
 */
import type { Command } from 'commander'
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
    .option('--state <state>', 'the state it must carry')
    .option('--json', 'the response is always printed as JSON')
    .action((options: CatchOptions) => catchResponse(context, options))
}

async function catchResponse(context: Context, options: CatchOptions): Promise<void> {
  const { client, signal, environment } = context
  const begun = await client.beginLogin({
    redirect_uri: options.redirectUri ?? `http://127.0.0.1:${environment.redirectPort}/callback`,
    ...(options.state === undefined ? {} : { state: options.state }),
  })
  printNote(`Waiting for an authorization response at ${printable(begun.redirect_uri ?? '')}`)
  try {
    const login = requireSuccess(await untilSettled(context.watchingClient, begun.login_id, signal))
    printJson(login.response ?? {})
  } catch (error) {
    if (signal.aborted) await giveUp(context.watchingClient, begun.login_id)
    throw error
  }
}
