/**
 * Records the requests to an authorization server and its answers, so that the user can see why a login failed.
 *
 * The records are only in memory, limited, and without secrets. A parameter's value is shown only if it is known not to
 * be a secret. Of an answer, only the `error` members and members other than tokens are shown. If a server repeats a
 * hidden value, it is hidden there too.
 */
import type { Clock } from '../clock.js'
import { Secret } from '../secret.js'
import type { Members } from './json-object.js'
import type { ServerAnswer } from './server-exchanges.js'
import { findRefusal, harmless } from './token-refusal.js'
import { parseMembers } from './token-response.js'

/** One exchange, without secrets. */
export interface RecordedExchange {
  readonly method: string
  /** Host and path; never a query. */
  readonly endpoint: string
  /** Parameters in their order. */
  readonly sent: Readonly<Record<string, string>>
  /** Scheme of the Authorization header: `Basic`. */
  readonly authorization: string | null
  /** HTTP status; `null` if there was no answer, or if only a browser saw it. */
  readonly status: number | null
  readonly answered: Readonly<Record<string, string>>
  /** A sentence that says why there is no answer. */
  readonly trouble: string | null
  /** How far this machine is ahead of the server's Date header; `null` without such a header. */
  readonly clockDifferenceSeconds: number | null
}

/** A login has two or three exchanges, and twice as many if the server requires DPoP nonces. */
const MOST_EXCHANGES = 8
const MOST_PARAMETERS = 30
const LONGEST_VALUE = 300
/** Shorter values are not searched for, because they would be found inside many words. */
const SHORTEST_SECRET = 6

/** Parameters whose values are configuration, which the profile also contains. */
export const SHOWN_PARAMETERS: ReadonlySet<string> = new Set([
  'access_type',
  'audience',
  'client_assertion_type',
  'client_id',
  'code_challenge_method',
  'duration',
  'grant_type',
  'prompt',
  'redirect_uri',
  'resource',
  'response_mode',
  'response_type',
  'scope',
  'token_access_type',
  'user_scope',
])

const TOKENS: readonly string[] = ['access_token', 'refresh_token', 'id_token']
const BESIDE_TOKENS: readonly string[] = ['token_type', 'expires_in', 'scope']

interface SentRequest {
  readonly method: string
  readonly url: string
  readonly parameters: URLSearchParams | undefined
  readonly authorization: string | undefined
}

export class Transcript {
  readonly #clock: Pick<Clock, 'now'>
  readonly #exchanges: RecordedExchange[] = []

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** Oldest first. */
  get exchanges(): readonly RecordedExchange[] {
    return this.#exchanges
  }

  /** Runs an exchange and records it without secrets. */
  async watch(request: SentRequest, exchange: () => Promise<ServerAnswer>): Promise<ServerAnswer> {
    const sentAtMs = this.#clock.now()
    const hidden = secretsOf(request)
    const begun = {
      method: request.method,
      endpoint: placeOf(request.url),
      sent: shown(request.parameters ?? new URLSearchParams()),
      authorization: request.authorization?.split(' ')[0] ?? null,
    }
    try {
      const answer = await exchange()
      this.#add({
        ...begun,
        status: answer.status,
        answered: answeredBy(answer, hidden),
        trouble: null,
        clockDifferenceSeconds: clockDifference(answer.headers['date'], sentAtMs, this.#clock.now()),
      })
      return answer
    } catch (error) {
      const trouble = error instanceof Error ? harmless(error.message, hidden, LONGEST_VALUE) : null
      this.#add({ ...begun, status: null, answered: {}, trouble, clockDifferenceSeconds: null })
      throw error
    }
  }

  #add(exchange: RecordedExchange): void {
    this.#exchanges.push(exchange)
    if (this.#exchanges.length > MOST_EXCHANGES) this.#exchanges.shift()
  }
}

/** The response at the redirect URI. */
interface BrowserAnswer {
  readonly error?: string | undefined
  readonly errorDescription?: string | undefined
  readonly issuer?: string | undefined
  readonly hasCode: boolean
}

/**
 * Records the authorization request, which a browser sent.
 *
 * @param answer - `undefined` if there was no response.
 * @param secrets - The secrets of the login, which the server may have quoted.
 */
export function browserExchange(
  authorizationUrl: string,
  answer: BrowserAnswer | undefined,
  secrets: readonly Secret[],
): RecordedExchange {
  const clean = (text: string | undefined) => text && harmless(text, secrets, LONGEST_VALUE)
  const { error, errorDescription, issuer, hasCode = false } = answer ?? {}
  return {
    method: 'GET',
    endpoint: placeOf(authorizationUrl),
    sent: shown(new URL(authorizationUrl).searchParams),
    authorization: null,
    status: null,
    answered: present({
      code: hasCode ? masked('code') : undefined,
      error: clean(error),
      error_description: clean(errorDescription),
      iss: clean(issuer),
    }),
    trouble: answer === undefined ? 'No response arrived at the redirect URI.' : null,
    clockDifferenceSeconds: null,
  }
}

function placeOf(text: string): string {
  if (!URL.canParse(text)) return ''
  const { host, pathname } = new URL(text)
  return `${host}${pathname}`.slice(0, LONGEST_VALUE)
}

function shown(parameters: URLSearchParams): Record<string, string> {
  const names = [...new Set(parameters.keys())].slice(0, MOST_PARAMETERS)
  return Object.fromEntries(
    names.map((name) => [
      name.slice(0, 64),
      SHOWN_PARAMETERS.has(name) ? parameters.getAll(name).join(' ').slice(0, LONGEST_VALUE) : masked(name),
    ]),
  )
}

function masked(value: string): string {
  return new Secret(value).toString()
}

/**
 * The difference between the clock of this machine and the server's. The Date header has whole seconds (RFC 9110 §6.6.1),
 * and was written at some time between request and answer.
 *
 * @param date - The server's Date header.
 * @returns The smallest possible difference in seconds: positive if this machine is ahead, negative if it is behind, 0 if
 *   the clocks may agree; `null` if there is no usable header.
 */
export function clockDifference(
  date: string | undefined,
  sentAtMs: number,
  answeredAtMs: number,
): number | null {
  const serverMs = Date.parse(date ?? '')
  if (Number.isNaN(serverMs)) return null
  const behindMs = Math.max(0, serverMs - answeredAtMs)
  const aheadMs = Math.max(0, sentAtMs - (serverMs + 1_000))
  return Math.round((aheadMs - behindMs) / 1000)
}

/** All sent values that are not shown. */
function secretsOf({ parameters, authorization }: SentRequest): Secret[] {
  const values = [...(parameters ?? [])].flatMap(([name, value]) => (SHOWN_PARAMETERS.has(name) ? [] : value))
  const [scheme = '', credentials = ''] = authorization?.split(' ') ?? []
  if (credentials !== '') values.push(credentials)
  if (scheme.toLowerCase() === 'basic') {
    const [, ...password] = Buffer.from(credentials, 'base64').toString().split(':')
    values.push(password.join(':'), decoded(password.join(':')))
  }
  return values.filter((value) => value.length >= SHORTEST_SECRET).map((value) => new Secret(value))
}

/** The password before it was form-encoded (RFC 6749 §2.3.1). */
function decoded(text: string): string {
  return new URLSearchParams(`v=${text}`).get('v') ?? ''
}

function answeredBy(answer: ServerAnswer, hidden: readonly Secret[]): Record<string, string> {
  const members = membersOf(answer)
  if (members === undefined) return {}
  const refusal = findRefusal(members, answer.status, hidden)
  if (refusal !== undefined)
    return present({ error: refusal.error, error_description: refusal.errorDescription })
  const tokens = TOKENS.map((name) => members[name]).filter((token) => typeof token === 'string')
  const secrets = [...hidden, ...tokens.map((token) => new Secret(token))]
  const show = (name: string) => {
    const value = members[name]
    if (value === undefined || value === null || value === '') return undefined
    return TOKENS.includes(name) ? masked(name) : harmless(String(value), secrets, LONGEST_VALUE)
  }
  return present(Object.fromEntries([...TOKENS, ...BESIDE_TOKENS].map((name) => [name, show(name)])))
}

function present(members: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(members).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

function membersOf({ headers, body }: ServerAnswer): Members | undefined {
  try {
    return parseMembers({ contentType: headers['content-type'] ?? '', body })
  } catch {
    return undefined // the failure of the token request itself explains more
  }
}
