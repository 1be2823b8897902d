/**
 * Response modes: how an authorization response arrives at the redirect URI (OAuth 2.0 Multiple Response Types §2.1,
 * OAuth 2.0 Form Post Response Mode, JARM §2.3).
 *
 * One row per mode. The schema of profiles, the types and every check are derived from here. Pure, without imports.
 */

/** How the browser sends the parameters. */
export const RESPONSE_CARRIERS = ['query', 'form_post', 'fragment'] as const
export type ResponseCarrier = (typeof RESPONSE_CARRIERS)[number]

interface ResponseModeRow {
  readonly carrier: ResponseCarrier
  /** Whether the server signs them (JARM). */
  readonly signed: boolean
}

/** When a server does not accept the response mode of a profile, others are proposed in this order. */
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
