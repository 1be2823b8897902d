/** Refusals that users often meet, each with the one setting that helps. A table: what matches, why, what to set. Pure. */
import { scopesOf } from '../authorization-server/authorization-request.js'
import { MAC_NOT_ALLOWED } from '../authorization-server/id-token-mac.js'
import { ID_TOKEN_ALONE } from '../authorization-server/token-response.js'
import { type Cause, causesOf, type Facts, listed, type Step, set, words } from './facts.js'

interface Known {
  readonly cause: Cause['cause']
  readonly steps: readonly Step[]
  readonly matches: (facts: Facts) => boolean
  readonly detail: (facts: Facts) => string
  readonly fix: (facts: Facts) => Cause['fix']
}

const REQUESTS: readonly Step[] = ['authorization', 'token_request', 'refresh']

/** RFC 8707 §2, Entra, and sentences of servers that have no code for it. */
const ABOUT_RESOURCE =
  /\binvalid_target\b|AADSTS(?:9010010|901002)\b|\bresource\b\W{0,3}(?:\w+ )?(?:request )?(?:parameter|indicator|param)|(?:parameter|indicator|param)s?\b\W{0,3}resource\b|requested resource|\bresource\b\W{0,3}(?:is |was )?(?:not |un)(?:supported|allowed|recogni[sz]ed|known|expected)|(?:unknown|invalid|unsupported|unexpected) (?:parameter )?\W?resource\b(?! owner)/i

const KNOWN: readonly Known[] = [
  {
    cause: 'resource_refused',
    steps: REQUESTS,
    matches: (facts) =>
      [facts.profile.resource ?? []].flat().length > 0 &&
      !/^(?:invalid_grant|invalid_client)$/.test(facts.error ?? '') &&
      ABOUT_RESOURCE.test(words(facts)),
    detail: ({ profile }) =>
      `The server does not accept the parameter resource (RFC 8707). The profile sends ${listed([profile.resource ?? []].flat())}. Leave it out.`,
    // An empty list also replaces the value of a preset. A later login by URL does not change it.
    fix: ({ profile }) => set(profile, 'resource', []),
  },
  {
    cause: 'dpop_required',
    steps: REQUESTS,
    matches: (facts) =>
      !facts.profile.dpop && (facts.evidence?.tokenType === 'DPoP' || /dpop/i.test(words(facts))),
    detail: () =>
      'The server binds its tokens to a key of the client (DPoP, RFC 9449), and the profile has DPoP off.',
    fix: ({ profile }) => set(profile, 'dpop', true),
  },
  {
    cause: 'access_token_missing',
    steps: ['token_request', 'refresh'],
    matches: ({ evidence }) => evidence?.reason === ID_TOKEN_ALONE,
    detail: () =>
      'The server issued an id_token but no access token. Azure AD B2C issues one if the client_id, or the scope of an API, is among the scopes.',
    fix: ({ profile }) =>
      set(
        profile,
        'scope',
        [...new Set([...scopesOf(profile), profile.client_id])].join(profile.scope_separator),
      ),
  },
  {
    cause: 'id_token_algorithm',
    steps: ['token_request', 'refresh'],
    matches: ({ evidence }) => evidence?.reason === MAC_NOT_ALLOWED,
    detail: () =>
      'catchd cannot check an id_token with this signature. Without openid, the server issues no id_token.',
    fix: ({ profile }) =>
      set(
        profile,
        'scope',
        scopesOf(profile)
          .filter((scope) => scope !== 'openid')
          .join(profile.scope_separator),
      ),
  },
  {
    cause: 'region_wrong',
    steps: ['token_request'],
    matches: (facts) => {
      const region = regionOf(facts)
      return region !== undefined && !isThere(facts, region)
    },
    detail: (facts) => `The response says that the account belongs to the region ${regionOf(facts)}.`,
    fix: (facts) => {
      const { profile } = facts
      const region = regionOf(facts) ?? ''
      return profile.preset === 'zoho'
        ? set(profile, 'base_url', region)
        : set(profile, 'token_endpoint', `${region}/oauth/v2/token`)
    },
  },
]

export function knownRefusals(facts: Facts): readonly Cause[] {
  const rows = KNOWN.filter(({ steps, matches }) => steps.includes(facts.step) && matches(facts))
  return rows.flatMap(({ cause, detail, fix }) =>
    causesOf(facts, () => ({ cause, detail: detail(facts), fix: fix(facts) })),
  )
}

/** Zoho's regions (https://www.zoho.com/accounts/protocol/oauth/multi-dc.html). A response can name any address. */
const ZOHO_REGION = /^https:\/\/accounts\.(?:zoho\.(?:com|eu|in|com\.au|com\.cn|jp|sa|uk|ae)|zohocloud\.ca)$/

function regionOf({ parameters }: Facts): string | undefined {
  const named = parameters?.['accounts-server']?.replace(/\/$/, '')
  return named !== undefined && ZOHO_REGION.test(named) ? named : undefined
}

function isThere({ profile, metadata }: Facts, region: string): boolean {
  const endpoint = profile.token_endpoint ?? metadata?.token_endpoint
  return endpoint !== undefined && new URL(endpoint).origin === region
}
