/**
 * The demo gateway's token, refresh, revocation and introspection endpoints. Each is a function from a parsed request
 * to an answer; gateway-grants.ts holds the state.
 *
 * Where the real gateway differs from the RFCs, these endpoints follow the gateway: they accept JSON bodies and forms,
 * refresh at a separate path, repeat `grant_type` and pad `scope` in the refresh answer, and send `active` as a string.
 */
import type { GatewayGrants, Issued, Refusal } from './gateway-grants.js'
import type { GatewayRules } from './gateway-rules.js'
import { type Answer, errorAnswer, isJson, jsonAnswer, parseBasic, parseMembers } from './gateway-wire.js'

interface EndpointRequest {
  readonly contentType: string | undefined
  readonly authorization: string | undefined
  readonly body: string
}

interface EndpointContext {
  readonly rules: GatewayRules
  readonly grants: GatewayGrants
}

type Endpoint = (
  members: ReadonlyMap<string, string>,
  request: EndpointRequest,
  context: EndpointContext,
) => Answer

const ACCESS_TOKEN_MEMBERS = ['redirect_uri', 'scope', 'grant_type', 'code', 'code_verifier', 'client_id']
const REFRESH_MEMBERS = ['grant_type', 'refresh_token', 'client_id', 'scope']
const TOKEN_MEMBERS = ['token', 'token_type_hint', 'client_id']

/** Access token request: code, verifier and redirect URI for tokens (RFC 6749 §4.1.3). */
export const accessTokenEndpoint = endpoint(ACCESS_TOKEN_MEMBERS, (members, request, context) => {
  if (members.get('grant_type') !== 'authorization_code') {
    return errorAnswer(400, 'unsupported_grant_type', 'This endpoint accepts only authorization_code.')
  }
  const [code, redirectUri] = [members.get('code'), members.get('redirect_uri')]
  if (!code || !redirectUri) return errorAnswer(400, 'invalid_request', 'code and redirect_uri are required.')
  // The documented JSON body has a scope. Forms are not documented, so they are checked less strictly.
  if (isJson(request.contentType) && !members.has('scope')) {
    return errorAnswer(400, 'invalid_request', 'scope is required in a JSON body.')
  }
  const outcome = context.grants.redeem(code, redirectUri, members.get('code_verifier'))
  if ('refusal' in outcome) return invalidGrant(outcome)
  return jsonAnswer(200, tokenMembers(outcome, context))
})

/** Refresh request (RFC 6749 §6), at a separate path. */
export const refreshEndpoint = endpoint(REFRESH_MEMBERS, (members, _request, context) => {
  if (members.get('grant_type') !== 'refresh_token') {
    return errorAnswer(400, 'unsupported_grant_type', 'This endpoint accepts only refresh_token.')
  }
  const outcome = context.grants.refresh(members.get('refresh_token') ?? '')
  if ('refusal' in outcome) return invalidGrant(outcome)
  return jsonAnswer(200, {
    grant_type: 'refresh_token',
    scope: `${outcome.scope} `,
    ...tokenMembers(outcome, context),
  })
})

/** Revocation (RFC 7009 §2.1); an unknown token is a no-op. */
export const revocationEndpoint = endpoint(TOKEN_MEMBERS, (members, _request, context) => {
  const token = members.get('token')
  if (!token) return errorAnswer(400, 'invalid_request', 'token is required.')
  context.grants.revoke(token)
  return jsonAnswer(200, {})
})

/** Introspection (RFC 7662 §2), with `active` as a string. */
export const introspectionEndpoint = endpoint(TOKEN_MEMBERS, (members, _request, context) => {
  const token = members.get('token')
  if (!token) return errorAnswer(400, 'invalid_request', 'token is required.')
  const found = context.grants.findActive(token)
  if (found === undefined) return jsonAnswer(200, { active: 'false' })
  return jsonAnswer(200, {
    active: 'true',
    client_id: context.rules.clientId,
    username: found.user,
    scope: found.scope,
    token_type: 'Bearer',
    expires_in: Math.max(0, Math.floor((found.expiresAtMs - context.rules.now()) / 1000)),
  })
})

/** The checks of all four endpoints: a valid body without unknown members, and client authentication. */
function endpoint(known: readonly string[], serve: Endpoint) {
  return (request: EndpointRequest, context: EndpointContext): Answer => {
    const members = parseMembers(request.contentType, request.body)
    if (members === undefined) {
      return errorAnswer(400, 'invalid_request', 'The body must be a flat JSON object or a form.')
    }
    const unknown = [...members.keys()].filter((name) => !known.includes(name))
    if (unknown.length > 0) {
      return errorAnswer(400, 'invalid_request', `Unexpected members: ${unknown.join(', ')}.`)
    }
    return (
      authenticateClient(members, request.authorization, context.rules) ?? serve(members, request, context)
    )
  }
}

/** @returns An error answer; `undefined` if the client is authenticated. */
function authenticateClient(
  members: ReadonlyMap<string, string>,
  authorization: string | undefined,
  { clientId, clientSecret }: GatewayRules,
): Answer | undefined {
  const named = members.get('client_id')
  if (named !== undefined && named !== clientId) {
    return errorAnswer(401, 'invalid_client', 'No application is registered with this client_id.')
  }
  if (clientSecret === null) {
    if (named === undefined) return errorAnswer(401, 'invalid_client', 'client_id is required.')
    if (authorization === undefined) return undefined
    return errorAnswer(401, 'invalid_client', 'A public client sends no credentials.')
  }
  const credentials = parseBasic(authorization)
  return credentials?.name === clientId && credentials.password === clientSecret
    ? undefined
    : errorAnswer(401, 'invalid_client', 'HTTP Basic with client_id and client_secret is required.')
}

function tokenMembers(issued: Issued, context: EndpointContext): Record<string, string | number> {
  return {
    ...(issued.refreshToken === null ? {} : { refresh_token: issued.refreshToken }),
    access_token: issued.accessToken,
    token_type: 'Bearer',
    expires_in: context.rules.accessTokenLifetimeSeconds,
  }
}

function invalidGrant({ refusal }: Refusal): Answer {
  return errorAnswer(400, 'invalid_grant', refusal)
}
