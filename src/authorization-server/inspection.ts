/**
 * Collects the data about a token set: the decoded id_token, token introspection (RFC 7662) and the UserInfo endpoint
 * (OpenID Connect Core §5.3).
 *
 * Nothing is refreshed or stored. Tokens and everything that was sent are masked in all results.
 */
import type { Profile } from '../config/profile.js'
import { asCatchdError, CatchdError } from '../failures.js'
import { MARKER, type Secret } from '../secret.js'
import { tokenChallengeValues } from '../text/challenges.js'
import type { ClientRequests } from './client-requests.js'
import type { IssuedTokens } from './issued-tokens.js'
import { isObject, jwtParts, type Members, parseObject } from './json-object.js'
import type { Metadata } from './metadata.js'
import type { ServerMetadata } from './metadata-document.js'
import type { Inspection, Report } from './port.js'
import { SentValues } from './sent-values.js'
import { findRefusal, shownCode } from './token-refusal.js'

const TOKEN_MEMBERS = new Set(['access_token', 'refresh_token', 'id_token', 'token', 'client_secret'])

interface InspectionParts {
  readonly requests: ClientRequests
  readonly metadata: Metadata
}

/** What the server said, and what must not be shown of it. */
interface Told {
  readonly members: Members
  readonly sent: SentValues
}

/** Never throws. Failures of the requests are part of the result. */
export async function inspectTokens(
  parts: InspectionParts,
  profile: Profile,
  set: IssuedTokens,
): Promise<Inspection> {
  const idToken = readIdToken(profile, set)
  let server: ServerMetadata
  try {
    server = await parts.metadata.of(profile, 'introspection_endpoint', 'userinfo_endpoint')
  } catch (error) {
    const report = { outcome: 'failed', error: asCatchdError(error).of(profile.name) } as const
    return { idToken, introspection: report, userinfo: report }
  }
  const ask = async (endpoint: string | undefined, request: () => Promise<Told>): Promise<Report> => {
    if (endpoint === undefined) return { outcome: 'not_asked' }
    try {
      return { outcome: 'answered', members: shown(await request()) }
    } catch (error) {
      return { outcome: 'failed', error: asCatchdError(error).of(profile.name) }
    }
  }
  const [introspection, userinfo] = await Promise.all([
    ask(server.introspection_endpoint, () => introspect(parts, profile, server, set)),
    ask(server.userinfo_endpoint, () => requestUserinfo(parts, profile, server, set)),
  ])
  return { idToken, introspection, userinfo }
}

/** The server may have put the other tokens into its claims. */
function readIdToken(profile: Profile, { idToken, accessToken, refreshToken }: IssuedTokens) {
  const sent = new SentValues(profile).add(accessToken, refreshToken)
  const parts = jwtParts(idToken)
  return (
    parts && {
      header: shown({ members: parts.header, sent }),
      claims: shown({ members: parts.claims, sent }),
    }
  )
}

/** RFC 7662 §2. */
async function introspect(
  { requests }: InspectionParts,
  profile: Profile,
  server: ServerMetadata,
  set: IssuedTokens,
): Promise<Told> {
  const { response, sent } = await requests.send(
    profile,
    { server, key: 'introspection_endpoint', bound: { tokens: set.server } },
    ({ oauth, client, authentication, options }) =>
      oauth.introspectionRequest(server, client, authentication, set.accessToken.reveal(), {
        ...options,
        additionalParameters: { token_type_hint: 'access_token' },
      }),
  )
  sent.add(...tokensOf(set))
  const members = await membersOf(response, 'introspection endpoint', sent)
  // webMethods sends a string, and "false" must not count as true.
  const active = new Map<unknown, boolean>([
    [true, true],
    [false, false],
    ['true', true],
    ['false', false],
  ]).get(members['active'])
  if (active !== undefined) return { members: { ...members, active }, sent }
  throw new CatchdError(
    'provider_answer_invalid',
    'The introspection endpoint does not say whether the token is active.',
  )
}

/** OpenID Connect Core §5.3.1. `sub` must be that of the id_token, otherwise the claims are of another user (§5.3.2). */
async function requestUserinfo(
  { requests }: InspectionParts,
  profile: Profile,
  server: ServerMetadata,
  set: IssuedTokens,
): Promise<Told> {
  const to = { server, key: 'userinfo_endpoint', bound: { tokens: set.server } } as const
  const { response, sent } = await requests.getWithToken(profile, to, set)
  sent.add(...tokensOf(set))
  if (/^application\/jwt/i.test(response.headers.get('content-type') ?? '')) {
    throw new CatchdError(
      'provider_answer_invalid',
      'The UserInfo endpoint answers with a signed token, which catchd does not support.',
    )
  }
  const members = await membersOf(response, 'UserInfo endpoint', sent)
  if (typeof members['sub'] !== 'string' || members['sub'] === '') {
    throw new CatchdError('provider_answer_invalid', 'The answer of the UserInfo endpoint has no sub.')
  }
  if (set.subject !== null && members['sub'] !== set.subject) {
    throw new CatchdError(
      'provider_answer_invalid',
      'The answer of the UserInfo endpoint has another subject than the id_token.',
    )
  }
  return { members, sent }
}

function tokensOf({ accessToken, refreshToken, idToken }: IssuedTokens): Secret[] {
  return [accessToken, refreshToken, idToken].filter((token) => token !== null)
}

async function membersOf(response: Response, where: string, sent: SentValues): Promise<Members> {
  const { status } = response
  const members = parseObject(await response.text())
  if (status >= 200 && status < 300 && members !== undefined) return members
  const refusal = findRefusal(members ?? {}, status, sent)
  if (status < 400 || (status >= 500 && refusal?.error === undefined)) {
    const what = members === undefined ? 'but not with a JSON object' : 'without a reason'
    throw new CatchdError('provider_answer_invalid', `The ${where} answered ${status} ${what}.`)
  }
  throw new CatchdError('provider_refused', {
    detail: `The ${where} refused the request (${status}).`,
    error: refusal?.error ?? challengeError(response, sent),
    errorDescription: refusal?.errorDescription,
  })
}

/** RFC 6750 §3. */
function challengeError(response: Response, sent: SentValues): string | undefined {
  const [code = ''] = tokenChallengeValues(response.headers.get('www-authenticate') ?? undefined, 'error')
  return /^[a-z_]{1,64}$/.test(code) ? shownCode(code, sent) : undefined
}

/** Without tokens, also those of other users and those that the server has just issued. */
function shown({ members, sent }: Told): Members {
  const clean = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(clean)
    if (!isObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, TOKEN_MEMBERS.has(name) ? MARKER : clean(member)]),
    )
  }
  return sent.maskedJson(clean(members)) as Members
}
