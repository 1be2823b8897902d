/**
 * `catchd token NAME` for scripts that call it often: a fresh token from a running daemon, with node:net alone. Node's HTTP
 * client, the command-line parser and the schemas would each take longer than the answer.
 *
 * Everything unusual (an unknown flag, an unusual environment, no daemon, an answer that is no token) goes to the usual
 * command, which asks again and explains what is wrong. The usual command must accept everything that this file accepts.
 */
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { constants } from 'node:os'
import type { TokenAnswer } from '../client/api-types.js'
import { CHALLENGE_HEADER, type Challenge, challengeFor, proofIn } from '../listener/listener-proof.js'
import { findForeignPart, findSocketPath, isPipe, readAdminKey } from '../listener/socket-path.js'
import { ownerOfListener } from '../listener/tcp-table.js'
import { surviveClosedOutput } from './closed-output.js'
import { isTokenFormat, type TokenFormat, tokenText } from './token-format.js'

export interface SimpleTokenCommand {
  readonly profile: string
  readonly format: TokenFormat
  readonly minTtl: number | undefined
}

/** Longer than a refresh takes. After that the usual command runs, which waits longer. */
const PATIENCE_MS = 15_000

/** Where the daemon should be, and what shows that it is this user's (SECURITY.md#nobody-else-answers). */
interface Place {
  readonly to: NetConnectOpts
  readonly authority: string
  /** Sent with the request, over TCP only. The socket needs no key. */
  readonly key: string | undefined
  /** The pipe of Windows. The answer must contain the proof. */
  readonly challenge: Challenge | undefined
}

/** @returns Whether the command is done; `false`: nothing was printed, and the usual command must run. */
export async function printTokenQuickly(args: readonly string[]): Promise<boolean> {
  const command = readSimpleTokenCommand(args)
  if (command === undefined || !isPlainEnvironment(process.env)) return false
  const place = findPlace(process.env)
  if (place === undefined) return false
  const answer = readToken(await exchange(requestFor(command, place), place), place)
  if (answer === undefined) return process.exitCode !== undefined
  surviveClosedOutput()
  process.stdout.write(tokenText(answer, command.format))
  return true
}

/** `undefined` if the usual command must explain what is wrong. */
function findPlace({ CATCHD_URL: url, CATCHD_API_KEY: key }: NodeJS.ProcessEnv): Place | undefined {
  if (url) {
    const { hostname, port } = new URL(url.replace('localhost', '127.0.0.1'))
    const to = { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 80) }
    return { to, authority: `${hostname}:${to.port}`, key: key || undefined, challenge: undefined }
  }
  const path = findSocketPath()
  const socket = { to: { path }, authority: 'localhost', key: undefined, challenge: undefined }
  if (!isPipe(path)) return findForeignPart(path) === undefined ? socket : undefined
  const adminKey = readAdminKey()
  return adminKey === undefined ? undefined : { ...socket, challenge: challengeFor(adminKey, 'localhost') }
}

function requestFor({ profile, minTtl }: SimpleTokenCommand, { authority, key, challenge }: Place): string {
  const query = minTtl === undefined ? '' : `?min_ttl=${minTtl}`
  return [
    `GET /v1/tokens/${encodeURIComponent(profile)}${query} HTTP/1.1`,
    `host: ${authority}`,
    ...(key === undefined ? [] : [`authorization: Bearer ${key}`]),
    ...(challenge === undefined ? [] : [`${CHALLENGE_HEADER}: ${challenge.header}`]),
    'accept: application/json',
    'connection: close',
    '\r\n',
  ].join('\r\n')
}

/** @returns The whole answer; empty when there was none in time, or a signal ended the wait. */
function exchange(request: string, { to }: Place): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(to)
    const end = (whole: string) => {
      clearTimeout(late)
      socket.destroy()
      resolve(whole)
    }
    // Not the socket's own timeout, which every byte would begin again.
    const late = setTimeout(() => end(''), PATIENCE_MS)
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => {
      answer += text
      // The answer is complete: there is no need to wait for the end of the connection.
      if (wholeBody(answer) !== undefined) end(answer)
    })
    socket.on('end', () => end(answer))
    socket.on('error', () => end(''))
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => {
        process.exitCode = 128 + constants.signals[signal]
        end('')
      })
    }
    if ('path' in to) socket.write(request)
    else socket.once('connect', () => sendIfOurs(socket, request, end))
  })
}

async function sendIfOurs(socket: Socket, request: string, end: (answer: string) => void): Promise<void> {
  if ((await ownerOfListener(socket)) === 'trusted') socket.write(request)
  else end('')
}

/** `undefined` while the answer is not complete. */
function wholeBody(answer: string): string | undefined {
  const headEnd = answer.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const length = /^content-length: (\d+)$/im.exec(answer.slice(0, headEnd))?.[1]
  const body = answer.slice(headEnd + 4)
  return Number(length) === Buffer.byteLength(body) ? body : undefined
}

/** @returns `undefined` for every answer that is not clearly a token. */
function readToken(answer: string, { challenge }: Place): TokenAnswer | undefined {
  const body = wholeBody(answer)
  if (body === undefined || !answer.startsWith('HTTP/1.1 200 ')) return undefined
  if (challenge !== undefined && !challenge.isAnsweredBy(proofIn(answer))) return undefined
  try {
    const value: TokenAnswer = JSON.parse(body)
    return typeof value?.access_token === 'string' && typeof value.token_type === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

/** @returns `undefined` for every other command line. */
export function readSimpleTokenCommand(args: readonly string[]): SimpleTokenCommand | undefined {
  let profile: string | undefined
  let format: TokenFormat = 'raw'
  let minTtl: number | undefined
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index] ?? ''
    if (!word.startsWith('-') && word !== '' && profile === undefined) {
      profile = word
      continue
    }
    const value = args[index + 1] ?? ''
    if (word === '--format' && isTokenFormat(value)) format = value
    else if (word === '--min-ttl' && /^\d{1,9}$/.test(value)) minTtl = Number(value)
    else return undefined
    index += 1
  }
  return profile === undefined ? undefined : { profile, format, minTtl }
}

const PORT = /^(?:[1-5]?\d{1,4})$/

/** A part of what src/config/environment.ts accepts. With other values the usual command runs and checks them. */
const PLAIN: ReadonlyMap<string, RegExp> = new Map([
  ['CATCHD_HOME', /^\//],
  ['CATCHD_API_PORT', PORT],
  ['CATCHD_REDIRECT_PORT', PORT],
  ['CATCHD_VAULT', /^(?:auto|keychain|file|memory)$/],
  ['CATCHD_VAULT_PASSPHRASE_FILE', /^\//],
  ['CATCHD_BROWSER', /^/],
  ['CATCHD_LOG_LEVEL', /^(?:trace|debug|info|warn|error|fatal|silent)$/],
  ['CATCHD_LOGIN_TIMEOUT_SECONDS', /^[1-9]\d{1,2}$/],
  ['CATCHD_CLIENT_METADATA_URL', /^https:\/\/[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)+(?:\/\w+)+$/],
  ['CATCHD_API_KEY', /^[\x21-\x7e]+$/],
  ['CATCHD_URL', /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):[1-5]?\d{1,4}$/],
])

/** Whether every `CATCHD_*` variable is known and clearly valid. */
export function isPlainEnvironment(env: NodeJS.ProcessEnv): boolean {
  for (const name in env) {
    if (!name.startsWith('CATCHD_')) continue
    const value = env[name]
    if (value !== '' && value !== undefined && PLAIN.get(name)?.test(value) !== true) return false
  }
  return true
}
