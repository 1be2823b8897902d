/** `catchd token NAME` with all its options; quick-token.ts serves the plain ones before this is loaded. */
import { type Command, Option } from 'commander'
import { DaemonError } from '../client/daemon-error.js'
import { seconds } from './arguments.js'
import type { Context } from './context.js'
import { printInstructions } from './login-instructions.js'
import { requireSuccess, untilSettled } from './login-wait.js'
import { type IdTokenChoice, idTokenOption, requestToken } from './requested-token.js'
import { type AnyTokenAnswer, TOKEN_FORMATS, type TokenFormat, tokenText } from './token-format.js'

interface TokenOptions extends IdTokenChoice {
  readonly format: TokenFormat
  readonly minTtl?: number
  readonly login?: true
  readonly json?: true
}

export function defineToken(command: Command, context: Context): void {
  command
    .argument('<name>', 'profile')
    .addOption(new Option('--format <format>', 'how to print it').choices(TOKEN_FORMATS).default('raw'))
    .option('--min-ttl <seconds>', 'refresh it first when less time is left', seconds(0, 86_400))
    .option('--login', 'log in first where a person has to')
    .addOption(idTokenOption())
    .option('--json', 'the same as --format json')
    .action((name: string, options: TokenOptions) => printToken(context, name, options))
}

async function printToken(context: Context, name: string, options: TokenOptions): Promise<void> {
  const answer = options.login
    ? await tokenAfterLogin(context, name, options)
    : await requestToken(context.client, name, options, { minTtlSeconds: options.minTtl })
  process.stdout.write(tokenText(answer, options.json ? 'json' : options.format))
}

/** Joins the login that pends for the profile or has one started; other callers share it, so it is not cancelled. */
async function tokenAfterLogin(
  context: Context,
  name: string,
  options: TokenOptions,
): Promise<AnyTokenAnswer> {
  const { client, signal } = context
  const { minTtl: minTtlSeconds } = options
  try {
    return await requestToken(client, name, options, { minTtlSeconds, login: 'auto' })
  } catch (error) {
    if (!(error instanceof DaemonError) || error.code !== 'login_required') throw error
    const { loginId, authorizationUrl } = error
    if (loginId === undefined) throw error
    if (authorizationUrl !== undefined) printInstructions({ authorization_url: authorizationUrl }, true)
    requireSuccess(await untilSettled(context.watchingClient, loginId, signal))
    return requestToken(client, name, options, { minTtlSeconds })
  }
}
