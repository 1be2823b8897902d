/**
 * Records the requests to an authorization server and its answers, so that the user can see why a login failed.
 *
 * The records are only in memory, limited, and without secrets. A parameter's value is shown only if it is known not to
 * be a secret. Of an answer, only the `error` members and members other than tokens are shown. If a server repeats a
 * hidden value, it is hidden there too.
 */
import type { Clock } from '../clock.js'
import { MARKER, Secret } from '../secret.js'
import { parseMembers } from './answer-members.js'
import type { Members } from './json-object.js'
import { type SentValues, SHOWN_PARAMETERS } from './sent-values.js'
import type { ServerAnswer } from './server-exchanges.js'
import { findRefusal } from './token-refusal.js'

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
const TOKENS: readonly string[] = ['access_token', 'refresh_token', 'id_token']
const BESIDE_TOKENS: readonly string[] = ['token_type', 'expires_in', 'scope']

interface SentRequest {
  readonly method: string
  readonly url: string
  readonly parameters: URLSearchParams | undefined
  readonly authorization: string | undefined
  readonly sent: SentValues
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
    const { sent } = request
    const begun = {
      method: request.method,
      endpoint: placeOf(request.url),
      sent: shown(request.parameters ?? new URLSearchParams(), sent),
      authorization: request.authorization?.split(' ')[0] ?? null,
    }
    try {
      const answer = await exchange()
      this.#add({
        ...begun,
        status: answer.status,
        answered: answeredBy(answer, sent),
        trouble: null,
        clockDifferenceSeconds: clockDifference(answer.headers['date'], sentAtMs, this.#clock.now()),
      })
      return answer
    } catch (error) {
      const trouble = error instanceof Error ? sent.line(error.message, LONGEST_VALUE) : null
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
 * @param sent - The secrets of the login, which the server may have quoted.
 */
export function browserExchange(
  authorizationUrl: string,
  answer: BrowserAnswer | undefined,
  sent: SentValues,
): RecordedExchange {
  const clean = (text: string | undefined) => text && sent.line(text, LONGEST_VALUE)
  const { error, errorDescription, issuer, hasCode = false } = answer ?? {}
  return {
    method: 'GET',
    endpoint: placeOf(authorizationUrl),
    sent: shown(new URL(authorizationUrl).searchParams, sent),
    authorization: null,
    status: null,
    answered: present({
      code: hasCode ? MARKER : undefined,
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

function shown(parameters: URLSearchParams, sent: SentValues): Record<string, string> {
  const names = [...new Set(parameters.keys())].slice(0, MOST_PARAMETERS)
  return Object.fromEntries(
    names.map((name) => [
      name.slice(0, 64),
      SHOWN_PARAMETERS.has(name) ? sent.line(parameters.getAll(name).join(' '), LONGEST_VALUE) : MARKER,
    ]),
  )
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

function answeredBy(answer: ServerAnswer, sent: SentValues): Record<string, string> {
  const members = membersOf(answer)
  if (members === undefined) return {}
  const refusal = findRefusal(members, answer.status, sent)
  if (refusal !== undefined)
    return present({ error: refusal.error, error_description: refusal.errorDescription })
  const tokens = TOKENS.map((name) => members[name]).filter((token) => typeof token === 'string')
  const secrets = sent.and(...tokens.map((token) => new Secret(token)))
  const show = (name: string) => {
    const value = members[name]
    if (value === undefined || value === null || value === '') return undefined
    if (TOKENS.includes(name)) return MARKER
    return secrets.line(typeof value === 'string' ? value : JSON.stringify(value), LONGEST_VALUE)
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
