/**
 * Response modes: how an authorization response comes to the redirect URI (OAuth 2.0 Multiple Response Types §2.1,
 * OAuth 2.0 Form Post Response Mode, JARM §2.3).
 *
 * One row a mode; the schema of profiles, the types and every check derive from here. Pure, without imports.
 */

/** What the browser brings the parameters in. */
export const RESPONSE_CARRIERS = ['query', 'form_post', 'fragment'] as const
export type ResponseCarrier = (typeof RESPONSE_CARRIERS)[number]

interface ResponseModeRow {
  readonly carrier: ResponseCarrier
  /** Whether the server signs them (JARM). */
  readonly signed: boolean
}

/** In the order in which another one is proposed where a server does not take a profile's. */
export const RESPONSE_MODES = {
  query: { carrier: 'query', signed: false },
  form_post: { carrier: 'form_post', signed: false },
  fragment: { carrier: 'fragment', signed: false },
  'query.jwt': { carrier: 'query', signed: true },
  'form_post.jwt': { carrier: 'form_post', signed: true },
  'fragment.jwt': { carrier: 'fragment', signed: true },
} as const satisfies Record<string, ResponseModeRow>

export type ResponseMode = keyof typeof RESPONSE_MODES

/** For schemas. */
export const RESPONSE_MODE_NAMES = Object.keys(RESPONSE_MODES) as ResponseMode[]
