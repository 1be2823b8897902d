/**
 * The demo: a complete login on this machine, step by step, at the built-in gateway, with a separate daemon in a
 * temporary home. It runs the program's own commands, so it shows the commands that users will run.
 */
import { once } from 'node:events'
import { styleText } from 'node:util'
import { approve } from './approval.js'
import { DemoHome } from './demo-home.js'
import { type RunningGateway, startGatewayProcess } from './gateway-process.js'
import type { RecordedTokenRequest } from './gateway-wire.js'
import { fetchOnce } from './web-request.js'

/**
 * @param options.signal - Ends the demo, for example after Ctrl-C.
 * @throws CatchdError if a step fails; the reason of `signal`. Everything is removed in both cases too.
 */
export async function runDemo(options: {
  readonly keep: boolean
  readonly signal: AbortSignal
}): Promise<void> {
  const { signal } = options
  const browser = hasDisplay()
  const home = await DemoHome.make(browser)
  const redirectUri = `http://127.0.0.1:${home.redirectPort}/callback/gw`
  const gateway = await startGatewayProcess(redirectUri)
  let kept = false
  try {
    signal.throwIfAborted() // while the gateway started
    const walked = walk(home, gateway, redirectUri, browser)
    walked.catch(() => {}) // its commands fail after an interruption
    await Promise.race([walked, once(signal, 'abort').then(() => signal.throwIfAborted())])
    kept = options.keep
  } finally {
    if (kept) gateway.release()
    else {
      await home.remove()
      gateway.stop()
    }
  }
  if (kept) sayWhatStays(home, gateway)
  else say('\nThe daemon, the gateway, the tokens and the temporary folder have been removed.')
}

async function walk(
  home: DemoHome,
  gateway: RunningGateway,
  redirectUri: string,
  browser: boolean,
): Promise<void> {
  say(
    'This demo runs a complete login on this machine, from the redirect in the browser to a token for local tools.\n',
  )
  const step = numbered()

  step(`A gateway that behaves like webMethods API Gateway listens on ${gateway.baseUrl}.`)

  await home.catchd(['daemon', 'start'])
  step(`catchd waits for the browser on ${redirectUri}`, `and for tools on ${home.socketPath}`)

  const add = ['profile', 'add', 'gw', '--preset', 'webmethods', '--base-url', gateway.baseUrl]
  add.push('--client-id', gateway.clientId, '--client-secret-stdin', '--scope', 'email')
  await home.catchd(add, gateway.clientSecret)
  step(
    'Add the profile. Its secret goes into the vault, not into the configuration file:',
    command(`catchd ${add.join(' ')}`),
  )

  const begun = JSON.parse(
    (await home.catchd(['login', 'gw', '--start', ...(browser ? [] : ['--no-browser'])])).stdout,
  )
  const authorizationUrl = String(begun.authorization_url)
  step(
    'Start the login. This is the authorization URL:',
    command('catchd login gw'),
    ...(browser ? [command(authorizationUrl)] : wrapUrl(authorizationUrl)),
  )

  if (browser) {
    step(
      `Approve in the browser: click Approve, then log in as ${gateway.user.name} / ${gateway.user.password}.`,
    )
  } else {
    const { name: user, password } = gateway.user
    const response = await approve(authorizationUrl, { user, password })
    step(`This machine has no display, so the demo approves the request as ${user}.`)
    await catchResponse(response, step)
  }
  const login = JSON.parse((await home.api(`/v1/logins/${begun.login_id}?wait=300`)).body)
  if (login.status !== 'succeeded')
    throw new Error(`The login ended as ${login.status}: ${login.error?.detail}`)

  const [request] = gateway.tokenRequests
  if (request !== undefined)
    step('The token request that catchd sent, with secrets masked:', ...showRequest(request))
  step(
    `The token set is stored in ${login.stored?.stored_in ?? 'the vault'}.`,
    `The access token is valid until ${login.stored?.expires_at ?? 'an unknown time'}; ` +
      (login.stored?.refreshable ? 'catchd refreshes it automatically.' : 'there is no refresh token.'),
  )
  await showToken(home, gateway, step)
}

/** Follows the gateway's redirect as a browser would, and shows the page it ends on. */
async function catchResponse(response: string, step: Step): Promise<void> {
  const caught = await fetchOnce(response)
  const page = caught.location === undefined ? undefined : new URL(caught.location, response)
  const shown = page === undefined ? undefined : await fetchOnce(page.href)
  const masked = new URL(response)
  for (const name of ['code', 'state']) if (masked.searchParams.has(name)) masked.searchParams.set(name, MASK)
  step(
    'catchd receives the authorization response. The gateway redirects the browser to',
    command(decodeURIComponent(masked.href)),
    `catchd finds the PKCE verifier for this state, redeems the code at once and answers ${caught.status};`,
    `the browser ends on a page without the code (${shown?.status ?? 'none'}): ${page?.href ?? 'none'}`,
  )
}

async function showToken(home: DemoHome, gateway: RunningGateway, step: Step): Promise<void> {
  const url = 'http://localhost/v1/tokens/gw'
  const curl = await home
    .run('curl', ['--silent', '--unix-socket', home.socketPath, url])
    .catch(() => undefined)
  const answer = curl?.exitCode === 0 ? curl.stdout : (await home.api('/v1/tokens/gw')).body
  step(
    'Local tools now get the token from catchd. None of them sees a code:',
    command(`curl --silent --unix-socket ${home.socketPath} ${url}`),
    answer.trim(),
  )
  const { access_token: token } = JSON.parse(answer)
  const used = await fetchOnce(gateway.resourceUrl, { headers: { authorization: `Bearer ${token}` } })
  step(
    'The gateway accepts the token:',
    command(`curl -H "Authorization: Bearer $(catchd token gw)" ${gateway.resourceUrl}`),
    used.body.trim(),
  )
}

function sayWhatStays(home: DemoHome, gateway: RunningGateway): void {
  say(
    `\nThe daemon and the gateway keep running, on ports of their own: API ${home.apiPort}, redirect ${home.redirectPort}. Try:`,
    command(`export CATCHD_HOME=${home.folder}`),
    command('catchd status'),
    command('catchd token gw'),
    '\nTo stop both and remove everything:',
    command(
      `catchd logout gw; catchd profile remove gw; catchd daemon stop; kill ${gateway.pid}; rm -r ${home.folder}`,
    ),
  )
}

const MASK = '••••••'
const SECRET_MEMBERS = ['code', 'code_verifier', 'client_secret', 'refresh_token']

function showRequest(request: RecordedTokenRequest): string[] {
  const lines = [`${request.method} ${request.path}`]
  for (const name of ['host', 'content-type', 'accept', 'authorization']) {
    const value = request.headers[name]
    if (value !== undefined) lines.push(`${name}: ${name === 'authorization' ? `${value} ${MASK}` : value}`)
  }
  return [...lines, '', maskMembers(request.body)].map(command)
}

function maskMembers(json: string): string {
  const members = JSON.parse(json) as Record<string, string>
  for (const name of SECRET_MEMBERS) if (name in members) members[name] = MASK
  return JSON.stringify(members)
}

type Step = (...lines: string[]) => void

function numbered(): Step {
  let number = 0
  return (first, ...more) => {
    number += 1
    say(
      `${styleText('bold', `${String(number).padStart(2)}.`)} ${first}`,
      ...more.map((line) => `    ${line}`),
    )
  }
}

function command(text: string): string {
  return styleText('cyan', text)
}

/** One parameter per line, so that the authorization URL is easy to read. */
function wrapUrl(text: string): string[] {
  const [base = '', query = ''] = text.split('?')
  return [`${base}?`, ...query.split('&').map((pair) => `  ${pair}`)].map((line) => command(maskState(line)))
}

function maskState(line: string): string {
  return line.replace(/^( *)(state|nonce)=.*$/, `$1$2=${MASK}`)
}

function hasDisplay(): boolean {
  if (process.env['CI'] !== undefined) return false
  return process.platform !== 'linux' || Boolean(process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY'])
}

function say(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`)
}
