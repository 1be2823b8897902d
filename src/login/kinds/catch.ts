/**
 * Catch: waits at a redirect URI for an authorization response that another tool redeems, and gives it to that tool
 * once.
 *
 * The response is in memory only (caught-responses.ts): the vault record of a catch never contains a code.
 */
import * as z from 'zod'
import { randomId } from '../../authorization-server/pkce.js'
import { RESPONSE_CARRIERS } from '../../config/response-modes.js'
import { asCatchdError, CatchdError } from '../../failures.js'
import { readRecord, SecretMember, writeRecord } from '../../vault/record.js'
import { baseOf, type PendingCatch } from '../login.js'
import type { CatchRequest } from '../login-request.js'
import type { Bind, KindParts, LoginKind, OpenLogin } from './kind.js'

const CatchRecord = z.object({
  version: z.literal(1),
  id: z.string(),
  redirect_uri: z.url(),
  created_at_ms: z.number(),
  expires_at_ms: z.number(),
  state: SecretMember.nullable(),
})

export function catchKind(parts: KindParts): LoginKind {
  return {
    itemPrefix: 'catch/',
    limits: {
      perProfile: Infinity,
      inAll: 100, // each may hold a port
      tooMany: 'At most 100 tools can wait for authorization responses at the same time.',
    },
    goesOnAlone: false,
    begins: (request) =>
      'redirectUri' in request
        ? async (bind) => openCatch(parts, await begin(parts, request, bind))
        : undefined,
    restored(item) {
      const record = readRecord(CatchRecord, item)
      return (
        record &&
        openCatch(parts, {
          ...record,
          status: 'pending',
          kind: 'catch',
          profile: null,
          authorizationUrl: null,
        })
      )
    },
  }
}

function openCatch({ caught }: KindParts, login: PendingCatch): OpenLogin {
  return {
    login,
    expiredDetail: 'No authorization response arrived in time.',
    silence: () => [
      `No authorization response has arrived at ${login.redirectUri} yet.`,
      'The authorization request must have exactly this redirect_uri, and it must be registered for the client. Otherwise the server shows an error page and does not redirect back.',
    ],
    record: () => writeRecord(CatchRecord, login),
    redirect: {
      address: addressOf(login.redirectUri),
      state: login.state,
      carriers: RESPONSE_CARRIERS, // only the tool knows which response mode it asked for
      alsoTakes: login.state === null ? 'any' : 'none',
      answered(response) {
        caught.keep(login.id, response.parameters)
        return { ...baseOf(login), profile: null, status: 'succeeded', caught: response.kind }
      },
    },
  }
}

async function begin(
  { clock, ...parts }: KindParts,
  { redirectUri, state, timeoutSeconds = parts.timeoutSeconds() }: CatchRequest,
  bind: Bind,
): Promise<PendingCatch> {
  const bound = await bind(addressOf(redirectUri)).catch(ofTheRequest)
  const createdAtMs = clock.now()
  return {
    status: 'pending',
    kind: 'catch',
    id: randomId(),
    profile: null,
    redirectUri: bound,
    createdAtMs,
    expiresAtMs: createdAtMs + timeoutSeconds * 1000,
    authorizationUrl: null,
    state,
  }
}

/** The redirect URI belongs to no profile, so the mistake is in the request. */
function ofTheRequest(error: unknown): never {
  const { code, detail = '', next } = asCatchdError(error)
  if (code !== 'profile_invalid') throw error
  const isAboutCertificate = next.includes('certificate') // the command that makes one needs no profile
  throw new CatchdError('request_invalid', { detail, next: isAboutCertificate ? next : undefined })
}

function addressOf(redirectUri: string) {
  return { redirectUri, listen: null, certificate: null }
}
