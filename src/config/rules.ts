/**
 * What resolved profiles must keep to, each alone and all together.
 *
 * Pure. One redirect URI for two authorization servers is what the mix-up attack needs (RFC 8252 §8.10,
 * RFC 9700 §4.4): it is allowed only where `iss` (RFC 9207) tells the servers apart.
 */
import { CatchdError } from '../failures.js'
import { GRANT_TYPES, GRANTS, usesRedirectUri } from './grants.js'
import { isLoopbackHost, isLoopbackListener } from './loopback.js'
import { type Profile, type ProfileEntry, SERVER_URLS, type ServerUrl } from './profile.js'

/** A rule that is not kept, and where. */
export interface BrokenRule {
  readonly profile: string
  readonly key: keyof ProfileEntry
  /** A sentence that goes on after the key. */
  readonly rule: string
}

export interface Review {
  /** The first one found. */
  readonly broken: BrokenRule | undefined
  /** Profiles that share a redirect URI with another authorization server: a response must name its issuer. */
  readonly issRequired: ReadonlySet<string>
}

/** Looks at every profile once and at every shared redirect URI. */
export function reviewProfiles(profiles: ReadonlyMap<string, Profile>): Review {
  for (const profile of profiles.values()) {
    const broken = brokenAlone(profile)
    if (broken !== undefined) return { broken, issRequired: new Set() }
  }
  const broken = brokenExchange(profiles)
  if (broken !== undefined) return { broken, issRequired: new Set() }
  return reviewSharing(profiles)
}

/**
 * @throws CatchdError `config_invalid` naming the profile, the key and the rule.
 * @returns Whether a profile shares its redirect URI with another authorization server's, so that the server must
 *   advertise `iss`.
 */
export function checkProfiles(profiles: ReadonlyMap<string, Profile>): {
  issRequired(name: string): boolean
} {
  const { broken, issRequired } = reviewProfiles(profiles)
  if (broken !== undefined) {
    throw new CatchdError('config_invalid', { detail: sentence(broken), profile: broken.profile })
  }
  return { issRequired: (name) => issRequired.has(name) }
}

export function sentence({ profile, key, rule }: BrokenRule): string {
  return `"${key}" of profile "${profile}" ${rule}`
}

function brokenAlone(profile: Profile): BrokenRule | undefined {
  for (const rule of RULES) {
    const broken = rule(profile)
    if (broken !== undefined) return { profile: profile.name, key: broken[0], rule: broken[1] }
  }
  return undefined
}

type Rule = (profile: Profile) => [key: keyof ProfileEntry, rule: string] | undefined

const RULES: readonly Rule[] = [
  serverUrls,
  redirectUri,
  listener,
  redirectCertificate,
  unansweredState,
  authorizationParameters,
  tokenParameters,
  refreshParameters,
  keyFiles,
  grantSource,
]

function serverUrls(profile: Profile): ReturnType<Rule> {
  for (const key of SERVER_URLS) {
    const text = profile[key]
    if (text === undefined) continue
    const rule = serverUrlRule(text, key)
    if (rule !== undefined) return [key, rule]
  }
  return undefined
}

/** @returns What the address of a server breaks: a sentence that goes on after its key. */
export function serverUrlRule(text: string, key: ServerUrl): string | undefined {
  if (!URL.canParse(text)) return 'must be an http or https URL.'
  const { protocol, hostname, username, password, search } = new URL(text)
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopbackHost(hostname)))
    return 'must begin with https://: plain http is for loopback addresses only.'
  if (`${username}${password}` !== '') return 'must not hold a user name or password.'
  if (text.includes('#')) return 'must not have a fragment.'
  // RFC 8414 §2
  if (key === 'issuer' && search !== '') return 'must not have a query.'
  return undefined
}

function redirectUri({ redirect_uri, listen }: Profile): ReturnType<Rule> {
  if (!URL.canParse(redirect_uri)) return ['redirect_uri', 'must be an http or https URL.']
  const { hostname, username, password } = new URL(redirect_uri)
  // RFC 6749 §3.1.2
  if (redirect_uri.includes('#')) return ['redirect_uri', 'must not have a fragment.']
  if (`${username}${password}` !== '') return ['redirect_uri', 'must not hold a user name or password.']
  if (listen === undefined && !isLoopbackHost(hostname)) {
    return [
      'redirect_uri',
      'must name 127.0.0.1, [::1] or localhost. For another name that leads to this machine, set listen to the loopback host:port to bind.',
    ]
  }
  return undefined
}

function listener({ listen }: Profile): ReturnType<Rule> {
  if (listen === undefined || isLoopbackListener(listen)) return undefined
  return ['listen', 'must be a loopback host:port such as 127.0.0.1:8080. Nothing else is ever bound.']
}

/** Naming one says that the listener speaks TLS itself; with `listen` alone a tunnel does that for it. */
function redirectCertificate(profile: Profile): ReturnType<Rule> {
  const { redirect_uri, redirect_certificate_file: certificate, redirect_private_key_file: key } = profile
  if (certificate === undefined && key === undefined) return undefined
  if (key === undefined) {
    return ['redirect_certificate_file', 'needs redirect_private_key_file, the PEM file of its private key.']
  }
  if (certificate === undefined) {
    return ['redirect_private_key_file', 'needs redirect_certificate_file, the PEM file of its certificate.']
  }
  if (new URL(redirect_uri).protocol === 'https:') return undefined
  return [
    'redirect_certificate_file',
    'is for an https redirect_uri. Let redirect_uri begin with https://, or remove both redirect_certificate_file and redirect_private_key_file.',
  ]
}

function unansweredState({ state_echo, code_challenge_method }: Profile): ReturnType<Rule> {
  if (state_echo || code_challenge_method !== 'none') return undefined
  return ['state_echo', 'may be false only with PKCE: let code_challenge_method be S256.']
}

/** What every login binds to itself (RFC 6749 §4.1.1, RFC 7636 §4.3); a fixed value would undo it. */
const OWN_AUTHORIZATION_PARAMETERS: ReadonlySet<string> = new Set([
  'client_id',
  'client_secret',
  'redirect_uri',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'code_verifier',
])

function authorizationParameters({ authorization_parameters }: Profile): ReturnType<Rule> {
  const own = Object.keys(authorization_parameters).find((name) => OWN_AUTHORIZATION_PARAMETERS.has(name))
  if (own === undefined) return undefined
  return ['authorization_parameters', `must not name ${own}: each login sets its own.`]
}

const OWN_TOKEN_PARAMETERS: ReadonlySet<string> = new Set([
  'client_secret',
  'code',
  'code_verifier',
  'redirect_uri',
  'refresh_token',
])

function tokenParameters({ token_parameters }: Profile): ReturnType<Rule> {
  const own = Object.keys(token_parameters).find((name) => OWN_TOKEN_PARAMETERS.has(name))
  if (own === undefined) return undefined
  const rather = own === 'client_secret' ? 'use the key client_secret.' : 'each token request sets its own.'
  return ['token_parameters', `must not name ${own}: ${rather}`]
}

function refreshParameters({ refresh_parameters = {} }: Profile): ReturnType<Rule> {
  const own = Object.keys(refresh_parameters).find(
    // GitLab compares the redirect URI again.
    (name) => OWN_TOKEN_PARAMETERS.has(name) && name !== 'redirect_uri',
  )
  return own === undefined
    ? undefined
    : ['refresh_parameters', `must not name ${own}: each request sets its own.`]
}

function keyFiles(profile: Profile): ReturnType<Rule> {
  const { token_endpoint_auth_method: method, private_key_file, certificate_file } = profile
  const needsKey = method === 'private_key_jwt' || method === 'tls_client_auth'
  if (needsKey && private_key_file === undefined)
    return ['token_endpoint_auth_method', `${method} needs private_key_file.`]
  if (method === 'tls_client_auth' && certificate_file === undefined)
    return ['token_endpoint_auth_method', `${method} needs certificate_file.`]
  return undefined
}

/** What a grant begins with stands in the profile, and in no profile of another grant. */
function grantSource(profile: Profile): ReturnType<Rule> {
  for (const grant of GRANT_TYPES) {
    const { source } = GRANTS[grant]
    if (source === null) continue
    const isGiven = profile[source.key] !== undefined
    if (grant === profile.grant && !isGiven) return [source.key, source.rule]
    if (grant !== profile.grant && isGiven)
      return [source.key, `means something with the grant ${grant} only.`]
  }
  return undefined
}

/** A token exchange may begin with that of another, but never with itself. */
function brokenExchange(profiles: ReadonlyMap<string, Profile>): BrokenRule | undefined {
  for (const { name, subject_token: source } of profiles.values()) {
    const seen = new Set([name])
    for (let next = profileOf(source); next !== undefined; ) {
      const subject = profiles.get(next)
      if (subject === undefined)
        return { profile: name, key: 'subject_token', rule: `names "${next}", and there is no such profile.` }
      if (seen.has(next)) return { profile: name, key: 'subject_token', rule: `comes back to "${next}".` }
      seen.add(next)
      next = profileOf(subject.subject_token)
    }
  }
  return undefined
}

function profileOf(source: Profile['subject_token']): string | undefined {
  return source !== undefined && 'profile' in source ? source.profile : undefined
}

function reviewSharing(profiles: ReadonlyMap<string, Profile>): Review {
  const issRequired = new Set<string>()
  for (const sharers of profilesByRedirectUri(profiles)) {
    const [first, second] = sharers
    if (first === undefined || second === undefined) continue
    const unmatched = sharers.find((profile) => !profile.state_echo)
    if (unmatched !== undefined) {
      const other = unmatched === first ? second : first
      return {
        broken: { profile: unmatched.name, key: 'redirect_uri', rule: unmatchedRule(other) },
        issRequired,
      }
    }
    const stranger = sharers.find((profile) => serverOf(profile) !== serverOf(first))
    if (stranger === undefined) continue
    const unnamed = sharers.find((profile) => profile.issuer === undefined)
    if (unnamed !== undefined) {
      const other = serverOf(unnamed) === serverOf(first) ? stranger : first
      return { broken: { profile: unnamed.name, key: 'redirect_uri', rule: mixUpRule(other) }, issRequired }
    }
    for (const { name } of sharers) issRequired.add(name)
  }
  return { broken: undefined, issRequired }
}

function unmatchedRule(other: Profile): string {
  return `is that of profile "${other.name}" too: with state_echo false it must belong to one profile alone.`
}

function mixUpRule(other: Profile): string {
  return (
    `is that of profile "${other.name}" too, which belongs to another authorization server. ` +
    'Give each profile a path of its own, or each an issuer.'
  )
}

function profilesByRedirectUri(profiles: ReadonlyMap<string, Profile>): Iterable<Profile[]> {
  const groups = new Map<string, Profile[]>()
  for (const profile of profiles.values()) {
    if (!usesRedirectUri(profile)) continue
    const key = redirectKey(profile.redirect_uri)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [profile])
    else group.push(profile)
  }
  return groups.values()
}

/**
 * What a listener tells apart: host, port and path. A fresh port says nothing, because servers accept any port
 * of the loopback interface (RFC 8252 §7.3): there the path alone counts.
 */
function redirectKey(redirectUri: string): string {
  const { host, port, pathname } = new URL(redirectUri)
  return port === '0' ? pathname : `${host}${pathname}`
}

/** The issuer, or the token endpoint where none is configured. */
function serverOf({ issuer, token_endpoint, resource_server }: Profile): string | undefined {
  return issuer ?? token_endpoint ?? resource_server
}
