/**
 * The refusals of Microsoft Entra that users meet most, by their AADSTS code: what each means and what to change. Data.
 *
 * https://learn.microsoft.com/entra/identity-platform/reference-error-codes (checked 2026-11-30). Codes about redirect URIs,
 * PKCE and client authentication are in the files of these aspects, because other servers have words for them too.
 */
import { type Cause, type Facts, register, run, set, words } from './facts.js'

/** A setting to change, a value to enter in Entra, or the login again. */
type Change =
  | { readonly set: readonly ['authorization_parameters' | 'scope', unknown] }
  | { readonly register: string }
  | 'login'
  | 'tenant'

interface Refusal {
  readonly codes: readonly number[]
  readonly cause: Cause['cause']
  /** A sentence. */
  readonly detail: string
  readonly change: Change
}

const TENANT = 'https://login.microsoftonline.com/TENANT_ID'
const OTHER_ACCOUNT = { set: ['authorization_parameters', { prompt: 'select_account' }] } as const

const REFUSALS: readonly Refusal[] = [
  {
    codes: [65001, 65004],
    cause: 'consent_missing',
    detail: 'Nobody has consented to these scopes for this client.',
    change: { set: ['authorization_parameters', { prompt: 'consent' }] },
  },
  {
    codes: [90093, 90094, 90095],
    cause: 'consent_missing',
    detail: 'Only an administrator of the tenant can consent to these scopes.',
    change: { register: 'admin consent for the API permissions of the client' },
  },
  {
    codes: [50105],
    cause: 'account_not_allowed',
    detail: 'The account is not assigned to this application, and the application requires that.',
    change: { register: 'the account, under Users and groups of the enterprise application' },
  },
  {
    codes: [50020, 50034, 51004],
    cause: 'account_not_allowed',
    detail: 'The account does not exist in this tenant. Log in with another account.',
    change: OTHER_ACCOUNT,
  },
  {
    codes: [50194, 90002, 900023, 90019, 50128, 7000012],
    cause: 'tenant_wrong',
    detail: 'The issuer names no tenant, or not the one in which the client is registered.',
    change: 'tenant',
  },
  {
    codes: [700016],
    cause: 'tenant_wrong',
    detail:
      'The tenant has no application with this client_id: it was copied wrongly, or belongs to another tenant.',
    change: 'tenant',
  },
  {
    codes: [500011, 50001, 90009],
    cause: 'scope_unknown',
    detail:
      'The scope names an API that this tenant does not have. A scope begins with the Application ID URI of its API.',
    change: { set: ['scope', 'api://APPLICATION_ID/SCOPE'] },
  },
  {
    codes: [1002012],
    cause: 'scope_unknown',
    detail: 'Without a user, the only scope of an API is the one that ends in /.default.',
    change: { set: ['scope', 'api://APPLICATION_ID/.default'] },
  },
  {
    codes: [28000, 28002, 28003],
    cause: 'scope_unknown',
    detail: 'The scopes do not exist, or belong to more than one API. Ask for the scopes of one API.',
    change: { set: ['scope', 'api://APPLICATION_ID/SCOPE offline_access'] },
  },
  {
    codes: [50072, 50074, 50076, 50079],
    cause: 'login_again',
    detail: 'A second factor is required. The browser asks for it at the next login.',
    change: 'login',
  },
  {
    codes: [70008, 70043, 70046, 700082, 700084, 50089, 50133, 50173, 54005],
    cause: 'login_again',
    detail:
      'The code, the session or the refresh token has expired, was revoked (for example by a new password), or was used before.',
    change: 'login',
  },
  {
    codes: [50131, 53000, 53001, 53002, 53003, 530031, 530032, 530033],
    cause: 'policy',
    detail: 'A Conditional Access policy of the tenant blocks this device, this network or this client.',
    change: { register: 'an exception in the Conditional Access policy, which an administrator makes' },
  },
  {
    codes: [9002326, 9002327],
    cause: 'platform_wrong',
    detail:
      'The redirect URI is registered for a single-page application, whose codes only a browser can redeem.',
    change: { register: 'the redirect URI under the platform "Mobile and desktop applications"' },
  },
  {
    codes: [7000112, 7000110],
    cause: 'client_disabled',
    detail: 'The application is switched off in this tenant.',
    change: { register: '"Enabled for users to sign-in" of the enterprise application' },
  },
  {
    codes: [700027, 700024],
    cause: 'client_secret_wrong',
    detail: 'The client assertion is not signed with a certificate that is registered for this client.',
    change: { register: 'the certificate of private_key_file, under Certificates & secrets' },
  },
]

export function entraCause(facts: Facts): Cause | undefined {
  const codes = [...words(facts).matchAll(/AADSTS(\d{4,8})\b/g)].map(([, code]) => Number(code))
  const refusal = REFUSALS.find((row) => row.codes.some((code) => codes.includes(code)))
  if (refusal === undefined) return undefined
  const { cause, detail, change } = refusal
  return {
    cause,
    detail: `AADSTS${codes.find((code) => refusal.codes.includes(code))}: ${detail}`,
    fix: fixOf(facts, change),
  }
}

function fixOf({ profile }: Facts, change: Change): Cause['fix'] {
  if (change === 'login') return run(`catchd login ${profile.name}`)
  // The preset makes its endpoints from base_url.
  if (change === 'tenant') {
    return profile.preset === 'entra'
      ? set(profile, 'base_url', TENANT)
      : set(profile, 'issuer', `${TENANT}/v2.0`)
  }
  if ('register' in change) return register(change.register)
  const [key, value] = change.set
  const others = key === 'authorization_parameters' ? profile.authorization_parameters : {}
  return set(profile, key, typeof value === 'object' ? { ...others, ...value } : value)
}
