/**
 * Grants: how tokens are obtained, and what that means for the rest of the program.
 *
 * One row per grant. src/authorization-server/token-grants.ts sends the token requests. Pure, without imports: the
 * command line and the dashboard load it.
 */

/** RFC 8628 §3.4. */
export const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'
/** RFC 8693 §2.1. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

interface GrantRow {
  /**
   * How the user logs in: at a redirect URI, or by a code on another device. `null`: tokens come without a user, so
   * there is no login, and new ones can be requested at any time.
   */
  readonly login: 'redirect' | 'device' | null
  /** Whether new tokens are requested with a refresh token (RFC 6749 §6); otherwise by the same request again. */
  readonly refreshToken: boolean
  /** The endpoints that a profile without an issuer must set. */
  readonly endpoints: readonly string[]
  /** The key for the token to exchange. It is required with this grant, and refused with every other. */
  readonly source: { readonly key: string; readonly rule: string } | null
}

/** When a server does not accept the grant of a profile, others are proposed in this order. */
export const GRANTS = {
  authorization_code: {
    login: 'redirect',
    refreshToken: true,
    endpoints: ['authorization_endpoint', 'token_endpoint'],
    source: null,
  },
  [DEVICE_CODE]: {
    login: 'device',
    refreshToken: true,
    endpoints: ['device_authorization_endpoint', 'token_endpoint'],
    source: null,
  },
  // RFC 6749 §4.4.3: a refresh token should not be included.
  client_credentials: { login: null, refreshToken: false, endpoints: ['token_endpoint'], source: null },
  [TOKEN_EXCHANGE]: {
    login: null,
    refreshToken: false,
    endpoints: ['token_endpoint'],
    source: {
      key: 'subject_token',
      rule: 'must name the token to exchange: {"profile": "NAME"} or {"file": "path"}.',
    },
  },
} as const satisfies Record<string, GrantRow>

export type Grant = keyof typeof GRANTS
/** Grants whose tokens come without a user. */
export type UnattendedGrant = {
  [Type in Grant]: (typeof GRANTS)[Type]['login'] extends null ? Type : never
}[Grant]

export const GRANT_TYPES = Object.keys(GRANTS) as Grant[]

/** @returns The last segment of the URN, for the command line: `device_code`. The configuration has the whole URN. */
export function shortGrant(grant: Grant): string {
  return grant.slice(grant.lastIndexOf(':') + 1).replaceAll('-', '_')
}

/** @param name - The grant as in the configuration, or short, with `-` or `_`. */
export function grantNamed(name: string): Grant | undefined {
  const short = name.replaceAll('-', '_')
  return GRANT_TYPES.find((grant) => grant === name || shortGrant(grant) === short)
}

/** Whether tokens come without a user, so that there is no login and new ones can be requested at any time. */
export function needsNoPerson(grant: Grant): grant is UnattendedGrant {
  return GRANTS[grant].login === null
}

/** Whether a login ends at the profile's redirect URI. */
export function usesRedirectUri({ grant }: { readonly grant: Grant }): boolean {
  return GRANTS[grant].login === 'redirect'
}

/** Whether new tokens are requested with a refresh token. */
export function usesRefreshToken(grant: Grant): boolean {
  return GRANTS[grant].refreshToken
}
