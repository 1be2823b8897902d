/**
 * The npm package oauth2-mock-server in this process, on a free loopback port: an OpenID Connect server that checks
 * PKCE and does the rest as it is told. What a test puts in between comes out of its hooks, so that everything else
 * about an answer stays that of a server which somebody else wrote.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  Events,
  type MutableRedirectUri,
  type MutableResponse,
  type MutableToken,
  OAuth2Issuer,
  OAuth2Service,
  type StatusCodeMutableResponse,
} from 'oauth2-mock-server'
import { exchange, redirectTarget } from './http-client.js'

/** Changes an answer of the token endpoint before it is sent. */
export type AnswerChange = (answer: MutableResponse) => void
/** Changes an id_token before it is signed. */
export type IdTokenChange = (token: MutableToken) => void

export interface FaultyServer {
  readonly issuer: string
  readonly clientId: string
  /** The token requests so far, refused ones too; parameters by name. */
  readonly tokenRequests: readonly Readonly<Record<string, string>>[]
  /** One change for each of the next answers of the token endpoint; then it answers as it should. */
  changeNextAnswers(...changes: AnswerChange[]): void
  /** For all id_tokens from now on; `undefined` for none. */
  changeIdTokens(change: IdTokenChange | undefined): void
  /** For all answers of the endpoint from now on. */
  onUserinfo(change: AnswerChange): void
  onIntrospection(change: AnswerChange): void
  onRevocation(change: (answer: StatusCodeMutableResponse) => void): void
  onAuthorization(change: (redirect: MutableRedirectUri) => void): void
  /** It asks nobody: the Location that leads to the redirect URI, not followed. */
  approve(authorizationUrl: string): Promise<string>
  close(): Promise<void>
}

/** Making RSA keys takes its time, so all servers sign with the same one. */
const signingKey = new OAuth2Issuer().keys.generate('RS256')

export async function startFaultyServer(): Promise<FaultyServer> {
  const issuer = new OAuth2Issuer()
  await issuer.keys.add(await signingKey)
  const service = new OAuth2Service(issuer)
  const tokenRequests: Record<string, string>[] = []
  const nextChanges: AnswerChange[] = []
  let idTokenChange: IdTokenChange | undefined

  // Counted here: the hooks are silent about requests that the server itself refuses, a code's second use among them.
  const server = createServer((request, response) => {
    if (request.method === 'POST' && request.url === '/token') {
      const parameters: Record<string, string> = {}
      tokenRequests.push(parameters)
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
        Object.assign(parameters, Object.fromEntries(body))
      })
    }
    service.requestHandler(request, response)
  })
  server.listen({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  issuer.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  service.on(Events.BeforeResponse, (answer: MutableResponse) => nextChanges.shift()?.(answer))
  service.on(Events.BeforeTokenSigning, (token: MutableToken) => {
    // Access tokens are JWTs here, too; they have no audience, and two of one second would be the same.
    if (token.payload['aud'] === undefined) token.payload['jti'] = randomUUID()
    else idTokenChange?.(token)
  })
  return {
    issuer: issuer.url,
    clientId: 'catchd',
    tokenRequests,
    changeNextAnswers: (...changes) => void nextChanges.push(...changes),
    changeIdTokens: (change) => {
      idTokenChange = change
    },
    onUserinfo: (change) => void service.on(Events.BeforeUserinfo, change),
    onIntrospection: (change) => void service.on(Events.BeforeIntrospect, change),
    onRevocation: (change) => void service.on(Events.BeforeRevoke, change),
    onAuthorization: (change) => void service.on(Events.BeforeAuthorizeRedirect, change),
    async approve(authorizationUrl) {
      const answer = await exchange(authorizationUrl)
      const location = redirectTarget(answer, authorizationUrl)
      if (location === undefined) throw new Error(`The server answers ${answer.status}: ${answer.body}`)
      return location
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
