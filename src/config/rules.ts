/**
 * The rules for resolved profiles: for each profile, and for all profiles together.
 *
 * Pure. One redirect URI for two authorization servers is what the mix-up attack needs (RFC 8252 §8.10,
 * RFC 9700 §4.4): it is allowed only if `iss` (RFC 9207) distinguishes the servers.
 */
import { CatchdError } from '../failures.js'
import { GRANT_TYPES, GRANTS, needsNoPerson, usesRedirectUri } from './grants.js'
import { isLoopbackHost, isLoopbackListener, isTlsOrLoopback } from './loopback.js'
import { PARAMETER_RULES, type Rule } from './parameter-rules.js'
import { type Profile, type ProfileEntry, SERVER_URLS, type ServerUrl } from './profile.js'
import { atKey } from './profile-key.js'

/** A rule that a profile breaks. */
interface BrokenRule {
  readonly profile: string
  readonly key: keyof ProfileEntry
  /** The end of a sentence that begins with the key. */
  readonly rule: string
}

/** `path:line:column` of a profile, or of a key in it. */
export type Locate = (profile: string, key?: string) => string

/**
 * Checks every profile once, and every shared redirect URI.
 *
 * @param locate - Where the profiles are, when they come from a file. The message begins with it.
 * @returns Profiles that share a redirect URI with another authorization server: a response must name its issuer.
 * @throws CatchdError `config_invalid` naming the profile, the key and the rule.
 */
export function checkProfiles(profiles: ReadonlyMap<string, Profile>, locate?: Locate): ReadonlySet<string> {
  const issRequired = new Set<string>()
  const broken =
    brokenAlone(profiles.values()) ?? brokenExchange(profiles) ?? brokenSharing(profiles, issRequired)
  if (broken === undefined) return issRequired
  const { profile, key, rule } = broken
  const place = locate === undefined ? '' : `${locate(profile, key)}: `
  throw new CatchdError('config_invalid', {
    detail: `${place}"${key}" of profile "${profile}" ${rule}`,
    profile,
    members: atKey(key, rule),
  })
}

function brokenAlone(profiles: Iterable<Profile>): BrokenRule | undefined {
  for (const profile of profiles) {
    for (const check of RULES) {
      const broken = check(profile)
      if (broken !== undefined) return { profile: profile.name, key: broken[0], rule: broken[1] }
    }
  }
  return undefined
}

const RULES: readonly Rule[] = [
  serverUrls,
  redirectUri,
  listener,
  redirectCertificate,
  missingState,
  ...PARAMETER_RULES,
  keyFiles,
  grantSource,
  lifetime,
]

function lifetime({ grant, lifetime_seconds: seconds }: Profile): ReturnType<Rule> {
  if (seconds === undefined || !needsNoPerson(grant)) return undefined
  return ['lifetime_seconds', `counts from a login, and the grant ${grant} has none.`]
}

function serverUrls(profile: Profile): ReturnType<Rule> {
  for (const key of SERVER_URLS) {
    const text = profile[key]
    if (text === undefined) continue
    const rule = serverUrlRule(text, key)
    if (rule !== undefined) return [key, rule]
  }
  return undefined
}

/** @returns The rule that the URL of a server breaks: the end of a sentence that begins with its key. */
export function serverUrlRule(text: string, key: ServerUrl): string | undefined {
  if (!URL.canParse(text)) return 'must be an http or https URL.'
  const url = new URL(text)
  const { username, password, search, pathname } = url
  if (!isTlsOrLoopback(url))
    return 'must begin with https://. Plain http is allowed only for loopback addresses.'
  if (`${username}${password}` !== '') return 'must not contain a user name or password.'
  if (text.includes('#')) return 'must not have a fragment.'
  // RFC 8414 §2
  if (key === 'issuer' && search !== '') return 'must not have a query.'
  if (key === 'issuer' && pathname.includes('/.well-known/'))
    return 'must not be the address of its metadata (/.well-known/). Use the issuer that this document names.'
  return undefined
}

function redirectUri({ redirect_uri, listen }: Profile): ReturnType<Rule> {
  const rule = redirectUriRule(redirect_uri, listen)
  return rule === undefined ? undefined : ['redirect_uri', rule]
}

/** @returns The rule that a redirect URI breaks, as the end of a sentence. */
export function redirectUriRule(text: string, listen?: string): string | undefined {
  if (!URL.canParse(text) || !/^https?:/i.test(text)) return 'must be an http or https URL.'
  const { hostname, username, password } = new URL(text)
  // RFC 6749 §3.1.2
  if (text.includes('#')) return 'must not have a fragment.'
  if (`${username}${password}` !== '') return 'must not contain a user name or password.'
  if (listen === undefined && !isLoopbackHost(hostname)) {
    return 'must name 127.0.0.1, [::1] or localhost. If another name leads to this machine, set listen to the loopback host:port to listen on.'
  }
  return undefined
}

function listener({ listen }: Profile): ReturnType<Rule> {
  if (listen === undefined || isLoopbackListener(listen)) return undefined
  return ['listen', 'must be a loopback host:port such as 127.0.0.1:8080. catchd listens only on loopback.']
}

/** With a certificate the listener uses TLS itself. With `listen` alone, a tunnel does. */
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
    'works only with an https redirect_uri. Change redirect_uri to https://, or remove both redirect_certificate_file and redirect_private_key_file.',
  ]
}

function missingState({ state_echo, code_challenge_method }: Profile): ReturnType<Rule> {
  if (state_echo || code_challenge_method !== 'none') return undefined
  return ['state_echo', 'may be false only with PKCE. Set code_challenge_method to S256.']
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

/** The key for the token to exchange is only in profiles with that grant. */
function grantSource(profile: Profile): ReturnType<Rule> {
  for (const grant of GRANT_TYPES) {
    const { source } = GRANTS[grant]
    if (source === null) continue
    const isGiven = profile[source.key] !== undefined
    if (grant === profile.grant && !isGiven) return [source.key, source.rule]
    if (grant !== profile.grant && isGiven) return [source.key, `works only with the grant ${grant}.`]
  }
  return undefined
}

/** A profile may exchange the token of another token exchange, but never its own. */
function brokenExchange(profiles: ReadonlyMap<string, Profile>): BrokenRule | undefined {
  for (const { name, subject_token: source } of profiles.values()) {
    const seen = new Set([name])
    for (let next = profileOf(source); next !== undefined; ) {
      const subject = profiles.get(next)
      if (subject === undefined)
        return { profile: name, key: 'subject_token', rule: `names "${next}", but there is no such profile.` }
      if (seen.has(next)) return { profile: name, key: 'subject_token', rule: `leads back to "${next}".` }
      seen.add(next)
      next = profileOf(subject.subject_token)
    }
  }
  return undefined
}

function profileOf(source: Profile['subject_token']): string | undefined {
  return source !== undefined && 'profile' in source ? source.profile : undefined
}

/** Adds the profiles with an allowed shared redirect URI to `issRequired`. */
function brokenSharing(
  profiles: ReadonlyMap<string, Profile>,
  issRequired: Set<string>,
): BrokenRule | undefined {
  for (const sharers of profilesByRedirectUri(profiles)) {
    const [first, second] = sharers
    if (first === undefined || second === undefined) continue
    const unmatched = sharers.find((profile) => !profile.state_echo)
    if (unmatched !== undefined) {
      const other = unmatched === first ? second : first
      const rule = `is also used by profile "${other.name}". With state_echo false, no other profile may use it.`
      return { profile: unmatched.name, key: 'redirect_uri', rule }
    }
    const stranger = sharers.find((profile) => serverOf(profile) !== serverOf(first))
    if (stranger === undefined) continue
    const unnamed = sharers.find((profile) => profile.issuer === undefined)
    if (unnamed !== undefined) {
      const other = serverOf(unnamed) === serverOf(first) ? stranger : first
      const rule = `is also used by profile "${other.name}" of another authorization server. Give each profile its own path, or set an issuer in both.`
      return { profile: unnamed.name, key: 'redirect_uri', rule }
    }
    for (const { name } of sharers) issRequired.add(name)
  }
  return undefined
}

function profilesByRedirectUri(profiles: ReadonlyMap<string, Profile>): Iterable<Profile[]> {
  const groups = new Map<string, Profile[]>()
  for (const profile of profiles.values()) {
    if (!usesRedirectUri(profile)) continue
    const key = redirectKey(profile.redirect_uri)
    groups.set(key, [...(groups.get(key) ?? []), profile])
  }
  return groups.values()
}

/**
 * A listener distinguishes redirect URIs by host, port and path. With a new port only the path counts, because servers
 * accept any port of the loopback interface (RFC 8252 §7.3).
 */
function redirectKey(redirectUri: string): string {
  const { host, port, pathname } = new URL(redirectUri)
  return port === '0' ? pathname : `${host}${pathname}`
}

/** The issuer, or the token endpoint where none is configured. */
function serverOf({ issuer, token_endpoint, resource_server }: Profile): string | undefined {
  return issuer ?? token_endpoint ?? resource_server
}
