/** `catchd token NAME` with all its options; fast-path/quick-token.ts serves the plain ones before this is loaded. */
import { type Command, Option } from 'commander'
import { DaemonFailure } from '../client/transport.js'
import { type LentAnswer, TOKEN_FORMATS, type TokenFormat, tokenText } from '../fast-path/token-format.js'
import { seconds } from './arguments.js'
import type { Context } from './context.js'
import { type IdTokenChoice, idTokenOption, lentToken } from './lent-token.js'
import { printInstructions } from './login-instructions.js'
import { requireSuccess, untilSettled } from './login-wait.js'

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
    : await lentToken(context.client, name, options, { minTtl: options.minTtl })
  process.stdout.write(tokenText(answer, options.json ? 'json' : options.format))
}

/** Joins the login that pends for the profile or has one started; other callers share it, so it is not cancelled. */
async function tokenAfterLogin(context: Context, name: string, options: TokenOptions): Promise<LentAnswer> {
  const { client, signal } = context
  const { minTtl } = options
  try {
    return await lentToken(client, name, options, { minTtl, login: 'auto' })
  } catch (error) {
    if (!(error instanceof DaemonFailure) || error.code !== 'login_required') throw error
    const { login_id: id, authorization_url: url } = error.members
    if (typeof id !== 'string') throw error
    if (typeof url === 'string') printInstructions({ authorization_url: url }, true)
    requireSuccess(await untilSettled(context.watchingClient, id, signal))
    return lentToken(client, name, options, { minTtl })
  }
}
