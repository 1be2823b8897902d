/**
 * What arrived at a bound address instead of a readable authorization response, in words: for the hint of a login that
 * still waits, and for `catchd doctor`.
 *
 * Every program on the machine can cause such an event. So the text has nothing that was sent, and it is only advice: it
 * changes no login.
 */
import type { UnreadableRequest } from '../unreadable-request.js'

export interface MissedResponse {
  readonly why: UnreadableRequest | 'refused'
  readonly atMs: number
  /** A sentence or two; `NAME` stands for the profile. */
  readonly text: string
  /** Only logins with this redirect URI are concerned; `null`: all at the address. */
  readonly redirectUri: string | null
}

/** The newest of each kind: one kind cannot hide the others. */
export class MissedResponses {
  readonly #newest = new Map<MissedResponse['why'], MissedResponse>()

  add(missed: MissedResponse): void {
    this.#newest.delete(missed.why)
    this.#newest.set(missed.why, missed)
  }

  /** The newest first. */
  since(ms: number, redirectUri: string): MissedResponse[] {
    return [...this.#newest.values()]
      .filter((missed) => missed.atMs >= ms && (missed.redirectUri ?? redirectUri) === redirectUri)
      .reverse()
  }
}

/** @param address - Of the connection: `http://127.0.0.1:8252`. */
export function inWords(why: UnreadableRequest, address: string): string {
  const { port } = new URL(address)
  switch (why) {
    case 'long_headers':
      return `The browser sent more than 64 KiB of headers to port ${port}, so its request was refused. Usually these are cookies: programs on all ports of this host share them. Delete the cookies of localhost and 127.0.0.1 in the browser, and load the page again.`
    case 'tls':
      return `The browser used https on port ${port}, but this redirect URI begins with http. Browsers do that in HTTPS-only mode, or after another program on this host asked for it (HSTS). Change https to http in the address bar, or run: catchd login NAME --paste`
    case 'plain_http':
      return `The browser used http on port ${port}, but this redirect URI begins with https. Change http to https in the address bar, or run: catchd login NAME --paste`
    case 'certificate_refused':
      return `The browser does not trust the certificate on port ${port}. Accept it on the page that the browser shows, or trust it after you compared its fingerprint. Run: catchd certificate show`
  }
}
