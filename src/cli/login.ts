/**
 * `catchd login NAME|URL`: begins a login, shows its URL, waits for its end, and shows what was stored and until when.
 * Ctrl-C and `--timeout` cancel the login, so that nothing waits for a browser any more.
 */
import type { Command } from '@commander-js/extra-typings'
import type { LoginReport, PendingDeviceLogin, PendingLogin, StoredTokenSet } from '../client/api-types.js'
import type { CatchdClient } from '../client/client.js'
import { needsNoPerson } from '../config/grants.js'
import { advised, causeInWords, exchangeInWords } from '../diagnosis/advice.js'
import { hostEnvironment, type LoginAdvice, loginAdvice, settingOf } from '../doctor/host-environment.js'
import { CatchdError } from '../failures.js'
import { shellWord } from '../text/shell-word.js'
import { seconds } from './arguments.js'
import type { Context } from './context.js'
import { TimedOut } from './failure-output.js'
import { readLine } from './line-input.js'
import {
  isForgottenClient,
  isUrl,
  profileOfUrl,
  refuseUrlOptions,
  registerAnew,
  type UrlOptions,
} from './login-url.js'
import {
  afterCancelling,
  causesOf,
  givenUp,
  giveUp,
  Hints,
  printInstructions,
  requireSuccess,
  type SettledLogin,
  untilSettled,
} from './login-wait.js'
import { expiryInWords, facts, printJson, printNote, printResult, styled } from './output.js'
import { noteFallback } from './vault-reason.js'
import { WaitingLine } from './waiting-line.js'

const PROMPT = "Paste the final URL from the browser's address bar: "

type Begun = PendingLogin | PendingDeviceLogin

interface LoginOptions extends UrlOptions {
  readonly browser: boolean
  readonly start?: true
  readonly paste?: true
  readonly timeout?: number
  readonly verbose?: true
  readonly json?: true
}

export function define(command: Command, context: Context): void {
  command
    .argument('<name>', 'profile, or the URL of a resource (an MCP server, an API) or an issuer')
    .option('--no-browser', 'print the URL without opening a browser')
    .option('--start', 'print the new login as JSON and do not wait for its end')
    .option('--paste', "read the final URL from the browser's address bar, for a browser on another machine")
    .option('--timeout <seconds>', 'cancel the login after this time', seconds(1, 3600))
    .option('--verbose', 'also show the requests and the answers, without secrets')
    .option('--json', 'print the login as JSON')
    .optionsGroup('With a URL:')
    .option('--name <profile>', 'name of the profile')
    .option('--client-id <id>', 'the client that you registered; by default catchd registers one')
    .option('--scope <scopes>', 'scopes to request instead of those of the resource')
    .option('--redirect-uri <uri>', 'the loopback redirect URI to register, for example on localhost')
    .option(
      '--issuer <url>',
      'the authorization server that you agree to, if the resource now names another one',
    )
    .option('--ca-file <path>', "PEM file of the CA that signed the server's certificate")
    .option('--register', 'register another client, because the server no longer knows the last one')
    .action(async (name, options) => {
      if (isUrl(name)) return loginAt(context, name, options)
      refuseUrlOptions(name, options)
      if (/[/:]/.test(name)) throw notAName(name)
      await login(context, name, options)
    })
}

/** Users often write a URL without its scheme. */
function notAName(text: string): CatchdError {
  return new CatchdError('profile_unknown', {
    detail: `"${text}" is neither the name of a profile nor a complete URL that begins with https://.`,
    next: text.includes('://') ? 'catchd profile list' : `catchd login ${shellWord(`https://${text}`)}`,
  })
}

/** @throws CatchdError `request_invalid`. The daemon has the same rule. */
async function refuseUnusableUrl(url: string): Promise<void> {
  const { serverUrlRule } = await import('../config/rules.js')
  const rule = serverUrlRule(url, 'resource_server')
  if (rule === undefined) return
  const secure = url.replace(/^http:/i, 'https:')
  const isMended = serverUrlRule(secure, 'resource_server') === undefined
  throw new CatchdError('request_invalid', {
    detail: `The URL ${rule}`,
    next: isMended ? `catchd login ${shellWord(secure)}` : 'catchd help login',
  })
}

async function loginAt(context: Context, url: string, options: LoginOptions): Promise<void> {
  await refuseUnusableUrl(url)
  const name = await profileOfUrl(context, url, options)
  try {
    await login(context, name, options)
  } catch (error) {
    if (!isForgottenClient(error) || !(await registerAnew(context, url, name))) throw error
    await login(context, name, options)
  }
}

export async function login(context: Context, name: string, options: LoginOptions): Promise<void> {
  const open = options.browser && options.paste === undefined
  let begun: Begun
  try {
    begun = await context.client.beginLogin({ profile: name, open })
  } catch (error) {
    if (await needsNoLogin(context, name, error)) return printTokenDetails(context, name, options)
    throw error
  }
  if (!options.json) await noteFallback(context)
  const advice = options.paste ? undefined : adviceFor(begun, open)
  printInstructions(begun, open)
  if (advice?.isNeeded) printAdvice(advice, name)
  if (options.start) return printJson(begun)
  const settled = await settle(context, begun, name, options).catch((error: unknown) => {
    if (advice?.isNeeded === false && hasExpired(error)) printAdvice(advice, name)
    throw error
  })
  if (options.json) return printJson(settled)
  printResult(styled('green', `Logged in: ${name}`))
  if (settled.stored) printResult(storedInWords(settled.stored))
  const [cause] = settled.report?.causes ?? []
  if (cause !== undefined) printNote(causeInWords(cause))
}

/** Advice for an environment in which the browser may not reach this machine. */
function adviceFor({ redirect_uri }: Begun, opened: boolean): LoginAdvice | undefined {
  if (!redirect_uri) return undefined
  const { CATCHD_BROWSER: chosen = process.env['BROWSER'] } = process.env
  // A user who chose a browser knows where it runs. Editors forward the port automatically.
  if (opened && chosen && chosen !== 'none') return undefined
  return loginAdvice(settingOf(hostEnvironment()), redirect_uri)
}

function printAdvice({ detail, next }: LoginAdvice, name: string): void {
  printNote(detail.replaceAll('NAME', name))
  printNote(`  → ${next.replaceAll('NAME', name)}`)
}

function hasExpired(error: unknown): boolean {
  const { failure = error } = error instanceof TimedOut ? error : {}
  return failure instanceof CatchdError && failure.code === 'login_expired'
}

async function settle(
  context: Context,
  begun: Begun,
  name: string,
  options: LoginOptions,
): Promise<ReturnType<typeof requireSuccess>> {
  const { watchingClient, signal: interrupted } = context
  const timeout = options.timeout === undefined ? [] : [AbortSignal.timeout(options.timeout * 1000)]
  const limits = AbortSignal.any([interrupted, ...timeout])
  const over = new AbortController()
  const signal = AbortSignal.any([limits, over.signal])
  const line = options.paste ? undefined : new WaitingLine(waitingText(begun))
  const hints = line === undefined ? pasteHints() : new Hints((lines) => line.note(lines))
  const id = begun.login_id
  try {
    const waiting = untilSettled({ context, id, again: `catchd login ${name}`, signal, hints })
    const settled = await (options.paste ? pasteBack(context, begun, waiting, signal) : waiting)
    if (options.verbose) printExchanges(settled.report)
    return requireSuccess(settled)
  } catch (error) {
    const why = limits.aborted && !interrupted.aborted ? 'timeout' : undefined
    if (options.paste || limits.aborted) await giveUp(watchingClient, id, why)
    const ended = limits.aborted ? await givenUp(watchingClient, id) : undefined
    line?.end()
    if (interrupted.aborted) hints.say(afterCancelling(ended))
    if (await hasTokens(watchingClient, name)) printNote('The earlier tokens are kept.')
    if (!limits.aborted) throw error
    if (interrupted.aborted) throw interrupted.reason
    const failure = new CatchdError('login_expired', {
      detail: `Login timed out after ${options.timeout} s (--timeout).${'user_code' in begun ? ` The code ${begun.user_code} was not entered.` : ''}`,
      profile: name,
    })
    throw new TimedOut(advised(failure, causesOf(ended)))
  } finally {
    over.abort()
    line?.end()
  }
}

/** Whether an earlier login left tokens. It is not known if the daemon does not answer. */
async function hasTokens(client: CatchdClient, name: string): Promise<boolean> {
  try {
    const { status } = await client.profile(name, { signal: AbortSignal.timeout(2_000) })
    return status === 'logged_in' || status === 'expired'
  } catch {
    return false
  }
}

/** The user types at a prompt, so it is printed again. The hint to use `--paste` is of no use to this user. */
function pasteHints(): Hints {
  const isTerminal = process.stdin.isTTY === true
  const print = (lines: readonly string[]) => {
    if (isTerminal) process.stderr.write('\n')
    printNote(lines)
    if (isTerminal) process.stderr.write(PROMPT)
  }
  return new Hints(print, (line) => !line.endsWith(' --paste'))
}

/** The requests to the server and its answers, line by line, without secrets. */
function printExchanges(report: LoginReport | null): void {
  for (const exchange of report?.exchanges ?? []) {
    const { asked, answered } = exchangeInWords(exchange)
    printNote([`> ${asked}`, `< ${answered}`])
  }
}

function waitingText({ redirect_uri }: Begun): string {
  return redirect_uri === null
    ? 'Waiting until you enter the code'
    : `Waiting for the browser at ${redirect_uri}`
}

/** The browser may also reach the redirect URI directly. Then no URL must be pasted. */
async function pasteBack(
  context: Context,
  begun: Begun,
  waiting: Promise<SettledLogin>,
  signal: AbortSignal,
): Promise<SettledLogin> {
  waiting.catch(() => {}) // it is awaited below
  const settled = new AbortController()
  waiting.finally(() => settled.abort()).catch(() => {})
  for (;;) {
    const line = await readLine(PROMPT, AbortSignal.any([signal, settled.signal])).catch((error: unknown) => {
      if (settled.signal.aborted) return null
      throw error
    })
    if (line === null) return waiting
    if (line === undefined) {
      throw new CatchdError('redirect_malformed', {
        detail: 'The input ended without a URL.',
        ...(begun.profile ? { profile: begun.profile } : {}),
      })
    }
    if (await accepted(context, begun.login_id, line, signal)) return waiting
  }
}

/** A user who pasted the wrong text is asked again. A program is not. */
async function accepted(context: Context, id: string, url: string, signal: AbortSignal): Promise<boolean> {
  try {
    await context.client.paste(id, url.trim(), { signal })
    return true
  } catch (error) {
    const mayTryAgain =
      error instanceof CatchdError && (error.code === 'redirect_malformed' || error.code === 'state_unknown')
    if (!mayTryAgain || !process.stdin.isTTY) throw error
    printNote(`This is not the response of this login: ${error.message}`)
    return false
  }
}

/** The daemon refuses a login for a profile with such a grant (RFC 6749 §4.4, RFC 8693). */
async function needsNoLogin(context: Context, name: string, error: unknown): Promise<boolean> {
  if (!(error instanceof CatchdError) || error.code !== 'request_invalid') return false
  const { configuration } = await context.client.profile(name)
  return configuration.grant !== undefined && needsNoPerson(configuration.grant)
}

async function printTokenDetails(context: Context, name: string, options: LoginOptions): Promise<void> {
  const { access_token: _secret, ...rest } = await context.client.token(name)
  if (options.json || options.start) return printJson(rest)
  printResult(`${name} needs no login: catchd gets its tokens without one.`)
  printResult(facts([['token', expiryInWords(rest.expires_at, Date.now())]]))
}

function storedInWords(stored: StoredTokenSet): string[] {
  const unknown = 'unknown: the server does not say'
  const end =
    stored.expires_at === null ? 'when the server refuses the access token' : 'when the access token expires'
  return facts([
    ['stored in', stored.stored_in],
    ['scope', stored.scope ?? unknown],
    ...(stored.subject === null ? [] : [['subject', stored.subject] as const]),
    ['expires', stored.expires_at === null ? unknown : expiryInWords(stored.expires_at, Date.now())],
    ['refresh', stored.refreshable ? 'automatic' : `no refresh token: log in again ${end}`],
  ])
}
