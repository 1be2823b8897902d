/**
 * Reads JSON documents that servers publish at well-known addresses (RFC 8615), and decides which addresses such a
 * document may name.
 */
import { isLoopbackHost, isTlsOrLoopback, mayBeThisMachine } from '../config/loopback.js'
import { CatchdError } from '../failures.js'
import { printable } from '../text/printable.js'
import { type Members, parseObjectOfAnyDepth } from './json-object.js'
import type { Attempt, PublicRequests } from './public-requests.js'

/** Why a document is not the one. */
export class Unfit {
  readonly why: string
  readonly failure: CatchdError | undefined

  /** @param failure - Thrown if nothing better is found. Without it, the document says nothing. */
  constructor(why: string, failure?: CatchdError) {
    this.why = why
    this.failure = failure
  }
}

/**
 * Goes on until a document fits.
 *
 * @param addresses - In this order.
 * @param judge - Decides whether a document is the one. Documents without a use are common: some web applications answer
 *   every address with the same one.
 * @returns `undefined` if none fits; `requests.tried` then says why.
 */
export function findPublished<Result>(
  requests: PublicRequests,
  addresses: readonly string[],
  judge: (document: Members, address: string) => Result | Unfit,
): Promise<Result | undefined> {
  const attempt = async (address: string): Promise<Result | undefined> => {
    if (!requests.isNew(address)) return undefined
    const unfit = (why: string, failure?: CatchdError) => {
      requests.tried.push({ address, why, failure })
      return undefined
    }
    try {
      const { status, headers, body } = await requests.send(address, {
        method: 'GET',
        headers: { accept: 'application/json' },
      })
      if (status === 429 || status >= 500) return unfit(String(status), busy(address, status))
      if (status !== 200) return unfit(headers['location'] === undefined ? String(status) : 'redirect')
      const document = parseObjectOfAnyDepth(body)
      if (document === undefined) return unfit('not a JSON object')
      const result = judge(document, address)
      return result instanceof Unfit ? unfit(result.why, result.failure) : result
    } catch (error) {
      if (!(error instanceof CatchdError)) throw error
      return unfit('no answer', error)
    }
  }
  return requests.firstOf(addresses.map((address) => () => attempt(address)))
}

/** What concerns one document counts before what concerns the connection. */
const GRAVITY: readonly string[] = [
  'profile_invalid',
  'issuer_mismatch',
  'provider_answer_invalid',
  'provider_unreachable',
]

/** @returns The gravest failure of the attempts, with a list of all; `undefined` if the servers just publish nothing. */
export function failureOf(attempts: readonly Attempt[]): CatchdError | undefined {
  const failures = attempts.flatMap(({ failure }) => (failure === undefined ? [] : [failure]))
  const [gravest] = GRAVITY.flatMap((code) => failures.filter((failure) => failure.code === code))
  if (gravest === undefined) return undefined
  const isAlone = attempts.every(({ failure }) => failure?.message === gravest.message)
  return isAlone ? gravest : gravest.saying({ detail: `${gravest.message} ${triedInWords(attempts)}` })
}

/** A longer list does not help, and each address may be long. */
const MOST_NAMED = 12
const LONGEST_ADDRESS = 200

/** @returns A sentence for people: what was tried, and why each was not used. */
export function triedInWords(attempts: readonly Attempt[]): string {
  if (attempts.length === 0) return ''
  const named = attempts.slice(0, MOST_NAMED).map(({ address, why }) => `${shown(address)} (${why})`)
  const more = attempts.length - named.length
  return `Tried: ${named.join(', ')}${more > 0 ? `, and ${more} more` : ''}.`
}

/** Text of a server as a part of a sentence. */
export function shown(text: string): string {
  const line = printable(text)
  return line.length > LONGEST_ADDRESS ? `${line.slice(0, LONGEST_ADDRESS)}…` : line
}

/**
 * Whether a document of `from` may name the address `to`, which a browser opens or a code is sent to. It must be https.
 * Only a server on loopback may name loopback addresses. Another one could direct our requests at the services of this
 * machine.
 */
export function mayLeadTo(from: string, to: string): boolean {
  const url = URL.canParse(to) ? new URL(to) : undefined
  if (url === undefined || !isTlsOrLoopback(url) || url.username + url.password !== '') return false
  return !mayBeThisMachine(url.hostname) || isLoopbackHost(new URL(from).hostname)
}

function busy(address: string, status: number): CatchdError {
  return new CatchdError(
    'provider_answer_invalid',
    `${new URL(address).origin} answered the request for its metadata with status ${status}.`,
  )
}
