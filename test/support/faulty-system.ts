/**
 * The built daemon with one profile, `mock`, at an authorization server whose answers a test changes. The profile is
 * refreshed when asked only, so that every token request is one that the test made.
 */
import type { Daemon } from './daemon.js'
import { type AnswerChange, type FaultyServer, startFaultyServer } from './oauth2-mock-server.js'

export interface FaultySystem {
  readonly server: FaultyServer
  readonly daemon: Daemon
  /** A login that succeeds, and the access token that it brought. @throws when it fails */
  logIn(change?: AnswerChange): Promise<string>
  stop(): Promise<void>
}

/** @param daemon - Runs for all tests of a file; each gets a server, and the profile, of its own. */
export async function startFaultySystem(daemon: Daemon): Promise<FaultySystem> {
  const server = await startFaultyServer()
  const mock = { issuer: server.issuer, client_id: server.clientId, scope: 'openid', refresh: 'on_demand' }
  const { status, text } = await daemon.api('PUT', '/v1/profiles/mock', { body: mock })
  if (status >= 300) throw new Error(`The profile is not made: ${status} ${text}`)
  return {
    server,
    daemon,
    async logIn(change) {
      let accessToken = ''
      server.changeNextAnswers((answer) => {
        change?.(answer)
        if (answer.body !== '') accessToken = String(answer.body['access_token'])
      })
      const { login } = await daemon.login('mock', server.approve)
      if (login['status'] !== 'succeeded')
        throw new Error(`The login does not succeed: ${JSON.stringify(login)}`)
      return accessToken
    },
    async stop() {
      await daemon.api('DELETE', '/v1/tokens/mock')
      await daemon.api('DELETE', '/v1/profiles/mock')
      await server.close()
    },
  }
}

/** An answer of another status, with another body. */
export function refusal(statusCode: number, body: Readonly<Record<string, unknown>> | '' = ''): AnswerChange {
  return (answer) => {
    answer.statusCode = statusCode
    answer.body = body === '' ? '' : { ...body }
  }
}

/** The same answer but for these members; `undefined` leaves one out. */
export function withMembers(members: Readonly<Record<string, unknown>>): AnswerChange {
  return (answer) => void Object.assign(answer.body, members)
}
