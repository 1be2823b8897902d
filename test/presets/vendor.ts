/**
 * How a vendor's authorization server behaves, in the vendor's own terms: written from the vendor's documents and from
 * nothing in src/, so that a preset and its emulator can disagree. emulator.ts turns it into a server.
 */

/** What one token request made. */
export interface Issued {
  readonly grant: 'code' | 'refresh' | 'device'
  readonly accessToken: string
  /** `null` when none was issued, or the one that was sent goes on. */
  readonly refreshToken: string | null
  /** The refresh token that was sent, for vendors that repeat it in the answer. */
  readonly sent: string | null
  readonly scopes: readonly string[]
  readonly idToken: string | null
  readonly headers: Readonly<Record<string, string | undefined>>
}

export interface Answer {
  readonly status?: number
  /** A string is form-encoded text; anything else is sent as JSON. */
  readonly body: unknown
}

export type Parameters = Readonly<Record<string, string>>

export interface Refusal {
  readonly error: 'invalid_client' | 'invalid_grant' | 'invalid_request'
  /** What was wrong, for the vendors that say so. */
  readonly about: 'client' | 'code' | 'refresh_token' | 'request'
  /** The refresh token or code that was sent. */
  readonly sent: string
}

export interface Vendor {
  /** The preset that is the other side of it. */
  readonly preset: string
  /** Where the rules were read. */
  readonly rules: string
  /** What is registered there, where a vendor has clients of several kinds that answer differently. */
  readonly variant?: string
  /** What a person gives as base_url. */
  readonly baseUrl?: string
  readonly clients: readonly ('public' | 'confidential')[]
  readonly secret?: string
  /** Keys that a person sets because the registration page says so. */
  readonly written?: Readonly<Record<string, string | boolean | Readonly<Record<string, string>>>>

  readonly authorize: string
  readonly token: string
  readonly refresh?: string
  readonly revoke?: string
  readonly introspect?: string
  /** `active` is a string. */
  readonly activeIsText?: true
  readonly device?: string
  /** Its metadata is published, the id_tokens are signed. `names` are the endpoints that stand there. */
  readonly discovery?: {
    readonly issuer: string
    readonly names: readonly ('device' | 'revoke' | 'introspect')[]
  }

  /** Whether the redirect URI of a request is one that was registered. */
  readonly redirect: (asked: URL, registered: string | undefined) => boolean

  /** What it calls the parameters of the standard. */
  readonly names?: {
    readonly client_id?: string
    readonly client_secret?: string
    /** In the authorization response. */
    readonly code?: string
  }
  /** The redirect URI has a name at the vendor, which is sent in its place. */
  readonly redirectName?: string

  /** What the client asks for; the person grants all but the last, where the vendor says what was granted. Some have none. */
  readonly scopes: readonly string[]
  /** Further scopes that the vendor knows. */
  readonly knownScopes?: readonly string[]
  readonly scopeSeparator?: ','
  readonly scopeParameter?: string
  readonly saysScope?: false

  readonly pkce?: 'required' | 'required in hex'
  /** Why it refuses an authorization request. */
  readonly refusesAuthorization?: (parameters: Parameters) => string | undefined
  /** Why it refuses a device authorization request. */
  readonly refusesDevice?: (parameters: Parameters) => string | undefined
  /** It does not repeat `state`. */
  readonly dropsState?: true
  /** Added to the authorization response. */
  readonly callback?: Parameters

  readonly body?: 'json'
  /** How a confidential client authenticates; HTTP Basic as in RFC 6749 §2.3.1 unless it says otherwise. */
  readonly credentials?: 'raw basic' | 'body'
  /** It tells a code from a refresh token by this parameter, where others have `grant_type`. */
  readonly kindOfRequest?: { readonly name: string; readonly code: string; readonly refresh: string }
  /** Members of a token request that are documented; others are refused. */
  readonly members?: readonly string[]
  /** Why it refuses a token request. */
  readonly refusesToken?: (
    parameters: Parameters,
    context: { readonly headers: Readonly<Record<string, string | undefined>>; readonly redirectUri: string },
  ) => string | undefined
  /** Why a person who has agreed before gets no refresh token. */
  readonly withholdsRefreshToken?: (asked: {
    readonly scopes: readonly string[]
    readonly authorization: Parameters
    readonly token: Parameters
  }) => string | undefined
  readonly neverRefreshes?: true
  readonly rotates?: true
  /** Seconds that an access token lives, `null` when the vendor does not say. */
  readonly lifetime: number | null
  /** Seconds that a refresh token lives, where the vendor says so. */
  readonly refreshLifetime?: number
  readonly answer?: (issued: Issued) => Answer
  readonly refuse?: (refusal: Refusal) => Answer
  /** It refuses in words that are no format, inside a 200. */
  readonly refusesInWords?: true
}

/** RFC 9700 §2.1. */
export const exact = (asked: URL, registered: string | undefined): boolean => asked.href === registered

/** RFC 8252 §7.3: any port, where it was registered without one. */
export function anyPort(asked: URL, registered: string | undefined): boolean {
  if (registered === undefined) return false
  const entry = new URL(registered)
  const isLoopback = LOOPBACK.some((host) => host === asked.hostname)
  return (
    exact(asked, registered) ||
    (isLoopback &&
      entry.port === '' &&
      entry.hostname === asked.hostname &&
      entry.pathname === asked.pathname)
  )
}

/** Over https, or on one of these hosts; and then registered as `match` says. */
export function onlyOn(hosts: readonly string[], match: Vendor['redirect']): Vendor['redirect'] {
  return (asked, registered) =>
    (asked.protocol === 'https:' || hosts.includes(asked.hostname)) && match(asked, registered)
}

export const LOOPBACK = ['127.0.0.1', '[::1]', 'localhost'] as const

/** Plain http on these hosts needs no entry at the vendor. */
export const unregisteredOn =
  (hosts: readonly string[]): Vendor['redirect'] =>
  (asked, registered) =>
    (asked.protocol === 'http:' && hosts.includes(asked.hostname)) || exact(asked, registered)

/** Says which of these has not the value that the vendor wants; `null`: any. */
export function wants(wanted: Readonly<Record<string, string | null>>) {
  return (parameters: Parameters): string | undefined => {
    const missing = Object.entries(wanted).find(([name, value]) => {
      const given = parameters[name] ?? ''
      return value === null ? given === '' : given !== value
    })
    if (missing === undefined) return undefined
    const [name, value] = missing
    return value === null ? `${name} is missing` : `${name} has to be ${value}`
  }
}

/** For `withholdsRefreshToken`. */
export const unlessScope =
  (name: string): NonNullable<Vendor['withholdsRefreshToken']> =>
  ({ scopes }) =>
    scopes.includes(name) ? undefined : `scope ${name} was not asked for`

/** For `withholdsRefreshToken`. */
export const unlessAuthorization =
  (wanted: Readonly<Record<string, string>>): NonNullable<Vendor['withholdsRefreshToken']> =>
  ({ authorization }) =>
    wants(wanted)(authorization)

/** RFC 6749 §5.1. A member that is `undefined` is left out. */
export function standardAnswer(lifetime: number | null, members: Readonly<Record<string, unknown>> = {}) {
  return ({ accessToken, refreshToken, scopes, idToken }: Issued): Answer => ({
    body: {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: lifetime ?? undefined,
      refresh_token: refreshToken ?? undefined,
      id_token: idToken ?? undefined,
      scope: scopes.join(' '),
      ...members,
    },
  })
}

/** RFC 6749 §5.2. */
export const standardRefusal = ({ error }: Refusal): Answer => ({
  status: error === 'invalid_client' ? 401 : 400,
  body: { error, error_description: 'It was refused.' },
})
