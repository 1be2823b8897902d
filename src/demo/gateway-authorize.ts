/**
 * The demo gateway's authorization endpoint (RFC 6749 §4.1.1 and §4.1.2, RFC 7636 §4.3).
 *
 * As at the real gateway, the user approves first and authenticates afterwards: the gateway answers the posted approval
 * with an HTTP Basic challenge, and the browser posts it again with the credentials. Parameters are checked at both
 * steps, because the browser could have changed the form.
 */
import type { Approval } from './gateway-grants.js'
import { approvalPage, refusalPage } from './gateway-pages.js'
import { type Answer, equalSecrets, parseBasic, redirectAnswer } from './gateway-wire.js'

export interface GatewayUser {
  readonly name: string
  readonly password: string
}

export interface AuthorizeRules {
  readonly path: string
  readonly clientId: string
  readonly redirectUris: ReadonlySet<string>
  readonly scopes: readonly string[]
  readonly stateEcho: boolean
  readonly enforcePkce: boolean
  readonly users: readonly GatewayUser[]
  /** Approves at once as the first user, for tests without a person at the browser. */
  readonly autoApprove: boolean
  readonly issueCode: (approval: Approval) => string
}

type Parameters = ReadonlyMap<string, string>

/** RFC 7636 §4.2: 43 to 128 unreserved characters. */
const CHALLENGE = /^[A-Za-z0-9._~-]{43,128}$/

interface AuthorizationRequest {
  readonly redirectUri: URL
  readonly approval: Omit<Approval, 'user'>
}

/** The authorization request: an approval page, or a refusal. */
export function showApproval(parameters: Parameters, rules: AuthorizeRules): Answer {
  const request = checkRequest(parameters, rules)
  if ('status' in request) return request
  const [firstUser] = rules.users
  if (rules.autoApprove && firstUser !== undefined) return grant(request, firstUser, parameters, rules)
  const { redirectUri, scope, challenge } = request.approval
  return approvalPage({
    action: rules.path,
    clientId: rules.clientId,
    scope,
    redirectUri,
    fields: new Map([
      ['client_id', rules.clientId],
      ['redirect_uri', redirectUri],
      ['scope', scope],
      ['selectScope', scope],
      ['state', rules.stateEcho ? (parameters.get('state') ?? '') : ''],
      ['response_type', 'code'],
      ...(challenge === null
        ? []
        : ([
            ['code_challenge', challenge.value],
            ['code_challenge_method', challenge.method],
          ] as const)),
    ]),
  })
}

/** Answers the posted form: a Basic challenge, a redirect with a code, or a redirect with `access_denied`. */
export function decideApproval(
  form: Parameters,
  authorization: string | undefined,
  rules: AuthorizeRules,
): Answer {
  const request = checkRequest(form, rules)
  if ('status' in request) return request
  if (form.get('approved') !== 'true' || form.get('approve') !== 'Approve') {
    return redirectError(request.redirectUri, 'access_denied', 'The resource owner denied.', form, rules)
  }
  const user = findUser(authorization, rules.users)
  if (user === undefined) {
    return refusalPage(401, 'User name and password are needed to approve.', {
      'www-authenticate': 'Basic realm="Demo gateway", charset="UTF-8"',
    })
  }
  return grant(request, user, form, rules)
}

function grant(
  { approval, redirectUri }: AuthorizationRequest,
  user: GatewayUser,
  parameters: Parameters,
  rules: AuthorizeRules,
): Answer {
  const code = rules.issueCode({ ...approval, user: user.name })
  return redirectAnswer(withParameters(redirectUri, { code, ...echoedState(parameters, rules) }))
}

/** An unknown client or redirect URI gets an error page; other errors are sent by redirect (RFC 6749 §4.1.2.1). */
function checkRequest(parameters: Parameters, rules: AuthorizeRules): AuthorizationRequest | Answer {
  if (parameters.get('client_id') !== rules.clientId) {
    return refusalPage(400, 'No application is registered with this client_id.')
  }
  const registered = parameters.get('redirect_uri') ?? ''
  if (!rules.redirectUris.has(registered)) {
    return refusalPage(400, 'redirect_uri is not registered for this application; it must match exactly.')
  }
  const redirectUri = new URL(registered)
  const refuse = (error: string, description: string) =>
    redirectError(redirectUri, error, description, parameters, rules)

  if (parameters.get('response_type') !== 'code') {
    return refuse('unsupported_response_type', 'Only response_type=code is served.')
  }
  const scope = parameters.get('scope')?.trim() || rules.scopes.join(' ')
  if (!scope.split(/ +/).every((name) => rules.scopes.includes(name))) {
    return refuse('invalid_scope', 'A scope is not defined at this gateway.')
  }
  const value = parameters.get('code_challenge')
  if (value === undefined) {
    if (rules.enforcePkce) return refuse('invalid_request', 'code_challenge is required.')
    return { redirectUri, approval: { redirectUri: registered, scope, challenge: null } }
  }
  const method = parameters.get('code_challenge_method') ?? 'plain'
  if (method !== 'S256' && method !== 'plain') {
    return refuse('invalid_request', 'code_challenge_method must be S256 or plain.')
  }
  if (!CHALLENGE.test(value)) return refuse('invalid_request', 'code_challenge is malformed.')
  return { redirectUri, approval: { redirectUri: registered, scope, challenge: { method, value } } }
}

function redirectError(
  redirectUri: URL,
  error: string,
  description: string,
  parameters: Parameters,
  rules: AuthorizeRules,
): Answer {
  return redirectAnswer(
    withParameters(redirectUri, {
      error,
      error_description: description,
      ...echoedState(parameters, rules),
    }),
  )
}

function echoedState(parameters: Parameters, rules: AuthorizeRules): { state?: string } {
  const state = parameters.get('state')
  return rules.stateEcho && state ? { state } : {}
}

function withParameters(redirectUri: URL, parameters: Readonly<Record<string, string>>): URL {
  const url = new URL(redirectUri)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url
}

function findUser(authorization: string | undefined, users: readonly GatewayUser[]): GatewayUser | undefined {
  const credentials = parseBasic(authorization)
  if (credentials === undefined) return undefined
  return users.find(
    (user) => user.name === credentials.name && equalSecrets(user.password, credentials.password),
  )
}
