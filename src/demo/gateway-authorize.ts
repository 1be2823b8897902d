/**
 * The demo gateway's authorization endpoint (RFC 6749 §4.1.1 and §4.1.2, RFC 7636 §4.3).
 *
 * As at the real gateway, the user approves first and authenticates afterwards: the gateway answers the posted approval
 * with an HTTP Basic challenge, and the browser posts it again with the credentials. Parameters are checked at both
 * steps, because the browser could have changed the form.
 */
import type { Approval, GatewayGrants } from './gateway-grants.js'
import { approvalPage, refusalPage } from './gateway-pages.js'
import type { GatewayRules, GatewayUser } from './gateway-rules.js'
import { type Answer, parseBasic } from './gateway-wire.js'

type Parameters = ReadonlyMap<string, string>
type Request = Omit<Approval, 'user'>

/** RFC 7636 §4.2: 43 to 128 unreserved characters. */
const CHALLENGE = /^[A-Za-z0-9._~-]{43,128}$/

/** The authorization request: an approval page, or a refusal. @param action - Path of the endpoint. */
export function showApproval(
  action: string,
  parameters: Parameters,
  rules: GatewayRules,
  grants: GatewayGrants,
): Answer {
  const request = checkRequest(parameters, rules)
  if ('status' in request) return request
  if (rules.autoApprove) return grant(request, rules.users[0], parameters, rules, grants)
  const { redirectUri, scope, challenge } = request
  return approvalPage({
    action,
    client_id: rules.clientId,
    redirect_uri: redirectUri,
    scope,
    selectScope: scope,
    state: rules.stateEcho ? (parameters.get('state') ?? '') : '',
    response_type: 'code',
    ...(challenge && { code_challenge: challenge.value, code_challenge_method: challenge.method }),
  })
}

/** Answers the posted form: a Basic challenge, a redirect with a code, or a redirect with `access_denied`. */
export function decideApproval(
  form: Parameters,
  authorization: string | undefined,
  rules: GatewayRules,
  grants: GatewayGrants,
): Answer {
  const request = checkRequest(form, rules)
  if ('status' in request) return request
  if (form.get('approved') !== 'true' || form.get('approve') !== 'Approve') {
    const denied = { error: 'access_denied', error_description: 'The resource owner denied.' }
    return redirect(request.redirectUri, denied, form, rules)
  }
  const credentials = parseBasic(authorization)
  const user = rules.users.find(
    ({ name, password }) => name === credentials?.name && password === credentials.password,
  )
  if (user !== undefined) return grant(request, user, form, rules, grants)
  return refusalPage(401, 'User name and password are needed to approve.', {
    'www-authenticate': 'Basic realm="Demo gateway", charset="UTF-8"',
  })
}

function grant(
  request: Request,
  { name: user }: GatewayUser,
  parameters: Parameters,
  rules: GatewayRules,
  grants: GatewayGrants,
): Answer {
  return redirect(request.redirectUri, { code: grants.issueCode({ ...request, user }) }, parameters, rules)
}

/** An unknown client or redirect URI gets an error page; other errors are sent by redirect (RFC 6749 §4.1.2.1). */
function checkRequest(parameters: Parameters, rules: GatewayRules): Request | Answer {
  if (parameters.get('client_id') !== rules.clientId) {
    return refusalPage(400, 'No application is registered with this client_id.')
  }
  const redirectUri = parameters.get('redirect_uri') ?? ''
  if (!rules.redirectUris.includes(redirectUri)) {
    return refusalPage(400, 'redirect_uri is not registered for this application; it must match exactly.')
  }
  const refuse = (error: string, description: string) =>
    redirect(redirectUri, { error, error_description: description }, parameters, rules)

  if (parameters.get('response_type') !== 'code') {
    return refuse('unsupported_response_type', 'Only response_type=code is served.')
  }
  const scope = parameters.get('scope')?.trim() || rules.scope
  const known = rules.scope.split(' ')
  if (!scope.split(/ +/).every((name) => known.includes(name))) {
    return refuse('invalid_scope', 'A scope is not defined at this gateway.')
  }
  const value = parameters.get('code_challenge')
  if (value === undefined) {
    if (rules.enforcePkce) return refuse('invalid_request', 'code_challenge is required.')
    return { redirectUri, scope, challenge: null }
  }
  const method = parameters.get('code_challenge_method') ?? 'plain'
  if (method !== 'S256' && method !== 'plain') {
    return refuse('invalid_request', 'code_challenge_method must be S256 or plain.')
  }
  if (!CHALLENGE.test(value)) return refuse('invalid_request', 'code_challenge is malformed.')
  return { redirectUri, scope, challenge: { method, value } }
}

/** The authorization response: a redirect with these parameters and the `state` of the request. */
function redirect(
  redirectUri: string,
  answer: Readonly<Record<string, string>>,
  parameters: Parameters,
  { stateEcho }: GatewayRules,
): Answer {
  const location = new URL(redirectUri)
  for (const [name, value] of Object.entries(answer)) location.searchParams.set(name, value)
  const state = parameters.get('state')
  if (stateEcho && state) location.searchParams.set('state', state)
  return { status: 302, headers: { location: location.href, 'cache-control': 'no-store' }, body: '' }
}
