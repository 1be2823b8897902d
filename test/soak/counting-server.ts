/**
 * An authorization server that counts strictly, for crashes of the daemon: how often each code was sent, which
 * refresh token was rotated when, and which token set left completely.
 *
 * As strict as servers get: a token request counts when it has arrived, answered or not. Every refresh rotates;
 * a rotated refresh token that comes again is refused and revokes its family (RFC 9700 §4.14.2), and so does a
 * code's second use (RFC 6749 §4.1.2). A server with a grace period takes a rotated refresh token once more. Requests
 * can be held unanswered.
 */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface IssuedTokens {
  readonly accessToken: string
  readonly refreshToken: string
  readonly family: Family
}

interface Family {
  revoked: boolean
}

interface Code {
  readonly challenge: string
  readonly family: Family
  redeemed: number
}

interface RefreshToken {
  readonly family: Family
  sent: number
}

/** The next token request, seen from the server. */
export interface Watched {
  /** It has arrived completely and is counted. */
  readonly received: Promise<void>
  /** `performance.now()` when the last byte of the answer was handed to the system. */
  readonly answered: Promise<number>
}

interface Watcher {
  readonly hold: boolean
  received(): void
  answered(atMs: number): void
}

export interface Counts {
  readonly tokenRequests: number
  readonly codesRedeemedTwice: number
  /** Rotated refresh tokens that came a second time: the one try after a kill. */
  readonly refreshTokensTriedAgain: number
  /** That came a third time or more often. */
  readonly refreshTokensReplayed: number
}

/** What happens to a rotated refresh token that comes again. */
export type Rotation = 'strict' | 'grace'

export class CountingServer {
  /** Seconds; of the token sets issued from now on. */
  lifetimeSeconds = 3_600
  readonly #server = createServer((request, response) => void this.#serve(request, response))
  readonly #codes = new Map<string, Code>()
  readonly #refreshTokens = new Map<string, RefreshToken>()
  #watcher: Watcher | undefined
  #newest: IssuedTokens | undefined
  readonly #rotation: Rotation
  #counts = { tokenRequests: 0, codesRedeemedTwice: 0, refreshTokensTriedAgain: 0, refreshTokensReplayed: 0 }

  constructor(rotation: Rotation) {
    this.#rotation = rotation
  }

  static async start(rotation: Rotation = 'strict'): Promise<CountingServer> {
    const server = new CountingServer(rotation)
    server.#server.listen({ host: '127.0.0.1', port: 0 })
    await once(server.#server, 'listening')
    return server
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get counts(): Counts {
    return { ...this.#counts }
  }

  /** The token set issued last, whether or not its answer left. */
  get newest(): IssuedTokens | undefined {
    return this.#newest
  }

  /** What a person's approval gives: the URL of the authorization response. */
  approve(authorizationUrl: string): string {
    const request = new URL(authorizationUrl).searchParams
    const code = randomBytes(16).toString('hex')
    const family = { revoked: false }
    this.#codes.set(code, { challenge: request.get('code_challenge') ?? '', family, redeemed: 0 })
    const response = new URL(request.get('redirect_uri') ?? '')
    response.searchParams.set('code', code)
    response.searchParams.set('state', request.get('state') ?? '')
    return response.href
  }

  /** @param hold - The next token request is counted and never answered. */
  watchNext({ hold }: { readonly hold: boolean }): Watched {
    let received = () => {}
    let answered: (atMs: number) => void = () => {}
    const watched = {
      received: new Promise<void>((resolve) => {
        received = resolve
      }),
      answered: new Promise<number>((resolve) => {
        answered = resolve
      }),
    }
    this.#watcher = { hold, received: () => received(), answered: (atMs) => answered(atMs) }
    return watched
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer)
    } catch {
      return // the daemon was killed while it sent: nothing has arrived
    }
    if (request.method !== 'POST' || request.url !== '/token') {
      response.writeHead(404).end()
      return
    }
    const watcher = this.#watcher
    this.#watcher = undefined
    const fields = new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
    const issued = this.#take(fields)
    watcher?.received()
    if (watcher?.hold === true) return
    response.on('finish', () => watcher?.answered(performance.now()))
    const [status, body] =
      issued === undefined ? [400, { error: 'invalid_grant' }] : [200, this.#tokenResponse(issued)]
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    response.end(JSON.stringify(body))
  }

  #tokenResponse({ accessToken, refreshToken }: IssuedTokens) {
    return {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: this.lifetimeSeconds,
      refresh_token: refreshToken,
    }
  }

  #take(fields: URLSearchParams): IssuedTokens | undefined {
    this.#counts.tokenRequests += 1
    const family =
      fields.get('grant_type') === 'refresh_token'
        ? this.#rotate(fields.get('refresh_token') ?? '')
        : this.#redeem(fields.get('code') ?? '', fields.get('code_verifier') ?? '')
    if (family === undefined || family.revoked) return undefined
    const issued = {
      accessToken: `at-${randomBytes(24).toString('hex')}`,
      refreshToken: `rt-${randomBytes(24).toString('hex')}`,
      family,
    }
    this.#refreshTokens.set(issued.refreshToken, { family, sent: 0 })
    this.#newest = issued
    return issued
  }

  #redeem(value: string, verifier: string): Family | undefined {
    const code = this.#codes.get(value)
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    if (code === undefined || code.challenge !== challenge) return undefined
    code.redeemed += 1
    if (code.redeemed > 1) {
      this.#counts.codesRedeemedTwice += 1
      code.family.revoked = true
    }
    return code.family
  }

  #rotate(value: string): Family | undefined {
    const token = this.#refreshTokens.get(value)
    if (token === undefined) return undefined
    token.sent += 1
    if (token.sent === 2) this.#counts.refreshTokensTriedAgain += 1
    if (token.sent > 2) this.#counts.refreshTokensReplayed += 1
    if (token.sent > (this.#rotation === 'grace' ? 2 : 1)) token.family.revoked = true
    return token.family
  }
}
