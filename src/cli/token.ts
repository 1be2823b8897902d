/** `catchd token NAME` with all its options. fast-path/quick-token.ts handles the simple ones without this file. */
import { type Command, InvalidArgumentError, Option } from '@commander-js/extra-typings'
import type { StartedLoginAnswer } from '../client/api-types.js'
import type { CatchdClient } from '../client/client.js'
import { DaemonError } from '../client/daemon-error.js'
import type { AccessTokenOptions } from '../client/options.js'
import { CatchdError } from '../failures.js'
import { type AnyTokenAnswer, TOKEN_FORMATS, tokenText } from '../fast-path/token-format.js'
import { seconds } from './arguments.js'
import type { Context } from './context.js'
import { printInstructions, requireSuccess, untilSettled } from './login-wait.js'
import { printResult } from './output.js'

export function define(command: Command, context: Context): void {
  command
    .argument('<name>', 'profile')
    .addOption(
      new Option('--format <format>', 'output format').choices(TOKEN_FORMATS).default('raw' as const),
    )
    .option('--min-ttl <seconds>', 'refresh the token first if less time is left', seconds(0, 86_400))
    .option('--scope <scopes>', 'require these scopes, separated by spaces', scopes)
    .option('--login', 'log in first if necessary, also for scopes that the token does not have')
    .addOption(idTokenOption().conflicts('scope'))
    .addOption(
      new Option('--member <name>', 'one member of the context of the token, instead of the token').conflicts(
        ['format', 'idToken', 'json'],
      ),
    )
    .option('--json', 'the same as --format json')
    .action(async (name, { format, minTtl: minTtlSeconds, scope, login, idToken, member, json }) => {
      const get = login ? tokenAfterLogin : requestToken
      const answer = await get(context, name, { idToken }, { minTtlSeconds, scope })
      if (member !== undefined) return printResult(memberOf(answer, member))
      process.stdout.write(tokenText(answer, json ? 'json' : format))
    })
}

/** @throws CatchdError `request_invalid` if the context has no such member */
function memberOf(answer: AnyTokenAnswer, name: string): string {
  const context = 'context' in answer ? answer.context : {}
  const value = Object.hasOwn(context, name) ? context[name] : undefined
  if (value !== undefined) return typeof value === 'string' ? value : JSON.stringify(value)
  const names = Object.keys(context)
  const there = names.length === 0 ? 'The context is empty.' : `Its members: ${names.join(', ')}.`
  throw new CatchdError('request_invalid', {
    profile: answer.profile,
    detail: `The context of the token has no member '${name}'. ${there}`,
    next: `catchd inspect ${answer.profile}`,
  })
}

export interface IdTokenChoice {
  readonly idToken?: true | undefined
}

/** `--id-token` of every command that gives tokens. @param only - The tools that can use it, if not all can. */
export function idTokenOption(only = '') {
  return new Option('--id-token', `${only}the id_token of the login instead of the access token`)
}

/** @throws CatchdError `login_required`, …; `profile_invalid` if there is no id_token */
export function requestToken(
  { client }: { readonly client: CatchdClient },
  name: string,
  { idToken }: IdTokenChoice,
  options: AccessTokenOptions = {},
): Promise<AnyTokenAnswer> {
  return idToken ? client.idToken(name, options) : client.token(name, options)
}

/** In a shell, line ends and more than one space between scopes are usual. */
function scopes(text: string): string {
  const names = text.split(/\s+/).filter((name) => name !== '')
  if (names.length === 0) throw new InvalidArgumentError('It must name at least one scope.')
  return names.join(' ')
}

/** Joins the pending login of the profile, or starts one. It is never cancelled, because other callers may wait for it. */
async function tokenAfterLogin(
  context: Context,
  name: string,
  choice: IdTokenChoice,
  options: AccessTokenOptions,
): Promise<AnyTokenAnswer> {
  // The pending login may be one for other scopes, so another one may follow.
  const mostLogins = options.scope === undefined ? 1 : 2
  for (let logins = 0; logins < mostLogins; logins += 1) {
    try {
      return await requestToken(context, name, choice, { ...options, login: 'auto' })
    } catch (error) {
      if (!(error instanceof DaemonError) || error.loginId === undefined) throw error
      const wait = { context, id: error.loginId, again: `catchd login ${name}`, signal: context.signal }
      const onPending = (login: StartedLoginAnswer) => printInstructions(login, true)
      requireSuccess(await untilSettled({ ...wait, onPending }))
    }
  }
  return requestToken(context, name, choice, options)
}
