/**
 * The vault record of a pending login: stored before the authorization URL is given out, so that a login
 * survives a restart of the daemon. Pure; versioned and parsed like any other input.
 */
import * as z from 'zod'
import { Secret } from '../secret.js'
import type { PendingLogin } from './login.js'

const PendingLoginRecord = z.object({
  version: z.literal(1),
  id: z.string(),
  profile: z.string(),
  redirect_uri: z.string(),
  listen: z.string().nullable(),
  /** Records of earlier programs have none. */
  certificate: z
    .object({ certificate_file: z.string(), private_key_file: z.string() })
    .nullable()
    .default(null),
  created_at_ms: z.number(),
  expires_at_ms: z.number(),
  state: z.string(),
  code_verifier: z.string().nullable(),
  nonce: z.string().nullable(),
  authorization_url: z.string().nullable(),
  authorization_server: z.string(),
  client_id: z.string(),
  expected_issuer: z.string().nullable(),
  iss_required: z.boolean(),
  response_mode: z.enum(['query', 'form_post', 'fragment']),
  state_echo: z.boolean(),
})

export function serialisePendingLogin(login: PendingLogin): Secret {
  const record: z.infer<typeof PendingLoginRecord> = {
    version: 1,
    id: login.id,
    profile: login.profile,
    redirect_uri: login.redirectUri,
    listen: login.listen,
    certificate:
      login.certificate === null
        ? null
        : {
            certificate_file: login.certificate.certificateFile,
            private_key_file: login.certificate.privateKeyFile,
          },
    created_at_ms: login.createdAtMs,
    expires_at_ms: login.expiresAtMs,
    state: login.state.reveal(),
    code_verifier: login.codeVerifier?.reveal() ?? null,
    nonce: login.nonce?.reveal() ?? null,
    authorization_url: login.authorizationUrl,
    authorization_server: login.origin.authorizationServer,
    client_id: login.origin.clientId,
    expected_issuer: login.expectedIssuer,
    iss_required: login.issRequired,
    response_mode: login.responseMode,
    state_echo: login.stateEcho,
  }
  return new Secret(JSON.stringify(record))
}

/** @returns `undefined` when the item is not a record of this version: such a login has to be begun again. */
export function parsePendingLogin(item: Secret): PendingLogin | undefined {
  const record = parseRecord(item)
  if (record === undefined) return undefined
  return {
    status: 'pending',
    id: record.id,
    profile: record.profile,
    redirectUri: record.redirect_uri,
    listen: record.listen,
    certificate:
      record.certificate === null
        ? null
        : {
            certificateFile: record.certificate.certificate_file,
            privateKeyFile: record.certificate.private_key_file,
          },
    createdAtMs: record.created_at_ms,
    expiresAtMs: record.expires_at_ms,
    state: new Secret(record.state),
    codeVerifier: record.code_verifier === null ? null : new Secret(record.code_verifier),
    nonce: record.nonce === null ? null : new Secret(record.nonce),
    authorizationUrl: record.authorization_url,
    origin: { authorizationServer: record.authorization_server, clientId: record.client_id },
    expectedIssuer: record.expected_issuer,
    issRequired: record.iss_required,
    responseMode: record.response_mode,
    stateEcho: record.state_echo,
  }
}

function parseRecord(item: Secret): z.infer<typeof PendingLoginRecord> | undefined {
  try {
    return PendingLoginRecord.parse(JSON.parse(item.reveal()))
  } catch {
    return undefined
  }
}
