/**
 * Sends one request for the demo. Uses node:http and node:https directly, so that a request can go to a socket or trust a
 * private CA.
 */
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'

export interface WebRequest {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly socketPath?: string
  /** PEM of an additional CA. */
  readonly ca?: string | undefined
}

export interface WebAnswer {
  readonly status: number
  readonly location: string | undefined
  readonly body: string
}

/** Redirects are not followed, because the demo shows each step. @throws Error of the network, or after 10 s */
export async function fetchOnce(url: string, { body, ...options }: WebRequest = {}): Promise<WebAnswer> {
  const start = url.startsWith('https:') ? httpsRequest : httpRequest
  const sent = start(url, { ...options, agent: false, timeout: 10_000 })
  sent.on('timeout', () => sent.destroy(new Error('timeout')))
  sent.on('error', () => {}) // `once` and `text` report it
  sent.end(body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const { statusCode: status = 0, headers } = response
  return { status, location: headers.location, body: await text(response) }
}
