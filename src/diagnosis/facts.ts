/**
 * The input and the output of a diagnosis: facts about a failed step, and the causes that explain it, each with one fix.
 *
 * Pure. An unknown fact is `undefined`, and no rule concludes anything from it. No fact is a secret: the facts say only
 * whether there is a client secret.
 */
import type { ServerMetadata } from '../authorization-server/metadata-document.js'
import { PROXY_VARIABLES } from '../authorization-server/proxy-choice.js'
import { findPreset, type Preset } from '../config/presets.js'
import { type Profile, ProfileEntry, type ShownKey } from '../config/profile.js'
import { profileKey } from '../config/profile-key.js'
import { sourceInWords } from '../config/secret-source.js'
import type { Evidence, FailureCode } from '../failures.js'

/** How far the profile got. */
export type Step =
  | 'discovery'
  /** The authorization request, also a pushed one (RFC 9126), and its response. */
  | 'authorization'
  /** No response arrived at the redirect URI. */
  | 'no_response'
  | 'token_request'
  | 'refresh'
  /** The login succeeded, but there is no refresh token. */
  | 'no_refresh_token'

/** Without the keys that may hold a secret. */
export type DiagnosedProfile = Omit<Profile, Exclude<keyof ProfileEntry, ShownKey>> & {
  readonly hasClientSecret: boolean
  /** Where the client secret comes from, in words; `undefined` for the vault, and if there is no secret. */
  readonly clientSecretFrom?: string
}

export interface MachineFacts {
  readonly platform: NodeJS.Platform
  /** Names of the proxy variables that are set. A value can hold a password. */
  readonly proxyVariables?: readonly string[]
}

export interface Facts extends MachineFacts {
  readonly profile: DiagnosedProfile
  readonly preset: Preset | undefined
  /** The server's metadata (RFC 8414); `undefined` if the server publishes none or was not asked. */
  readonly metadata: ServerMetadata | undefined
  readonly step: Step
  /** The redirect URI as it was sent, with its port. */
  readonly redirectUri: string
  readonly code?: FailureCode | undefined
  /** `error` and `error_description` of the server (RFC 6749 §4.1.2.1, §5.2). */
  readonly error?: string | undefined
  readonly errorDescription?: string | undefined
  readonly httpStatus?: number | undefined
  /** What the authorization response contained beyond the standard. Not trusted. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
  readonly evidence?: Evidence | undefined
  /** How far this machine is ahead of the server; negative if it is behind. */
  readonly clockDifferenceSeconds?: number | undefined
}

/** What to do. Exactly one of `run` and `register` is present; `set` is present only with `run`. */
export interface Fix {
  /** A command. */
  readonly run: string | null
  /** The setting to change in the editor that the command opens. */
  readonly set: string | null
  /** A value to enter at the authorization server. */
  readonly register: string | null
}

export interface Cause {
  /** A name for programs. Names can be added but are never changed. */
  readonly cause: CauseName
  /** A sentence or two. */
  readonly detail: string
  readonly fix: Fix
}

export const CAUSES = [
  'redirect_uri_mismatch',
  'redirect_uri_host',
  'redirect_uri_port',
  'client_unknown',
  'browser_elsewhere',
  'client_secret_wrong',
  'client_secret_missing',
  'client_secret_unwanted',
  'client_authentication_method',
  'client_secret_encoding',
  'grant_not_allowed',
  'pkce_required',
  'pkce_method',
  'pkce_not_enabled',
  'scope_unknown',
  'scope_separator',
  'offline_scope_missing',
  'offline_parameter_missing',
  'refresh_not_allowed',
  'response_mode_unsupported',
  'issuer_mismatch',
  'foreign_response',
  'clock_skew',
  'private_ca',
  'certificate_expired',
  'certificate_name',
  'proxy',
  'server_unreachable',
  'server_trouble',
  'endpoint_wrong',
  'request_format',
  'refresh_token_dead',
  'resource_refused',
  'dpop_required',
  'dpop_unsupported',
  'token_type_unknown',
  'access_token_missing',
  'id_token_algorithm',
  'region_wrong',
  'consent_missing',
  'account_not_allowed',
  'tenant_wrong',
  'login_again',
  'policy',
  'platform_wrong',
  'client_disabled',
] as const
type CauseName = (typeof CAUSES)[number]

/** One aspect of a diagnosis. Returns the causes it finds in the facts, the most likely first. */
export type Rule = (facts: Facts) => readonly Cause[] | Cause | undefined

/** The causes that the rules find, in the order of the rules. */
export function causesOf(facts: Facts, ...rules: readonly Rule[]): Cause[] {
  return rules.flatMap((rule) => rule(facts) ?? [])
}

/** The facts about the profile itself. */
export function profileFacts(profile: Profile): Pick<Facts, 'profile' | 'preset' | 'redirectUri'> {
  return {
    profile: withoutSecrets(profile),
    preset: profile.preset === null ? undefined : findPreset(profile.preset),
    redirectUri: profile.redirect_uri,
  }
}

/** The facts about this machine. */
export function machineFactsOf(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): MachineFacts {
  return { platform, proxyVariables: PROXY_VARIABLES.filter((name) => env[name]) }
}

/** Leaves out the settings that can hold a secret. */
export function withoutSecrets(profile: Profile): DiagnosedProfile {
  const isKept = (name: string) =>
    !Object.hasOwn(ProfileEntry.shape, name) || profileKey(ProfileEntry.shape, name)?.shown === true
  const kept = Object.fromEntries(Object.entries(profile).filter(([name]) => isKept(name)))
  const { client_secret: source } = profile
  const isElsewhere = source !== undefined && !(typeof source === 'object' && 'keychain' in source)
  return {
    ...(kept as Omit<DiagnosedProfile, 'hasClientSecret'>),
    hasClientSecret: source !== undefined,
    ...(isElsewhere ? { clientSecretFrom: sourceInWords(source) } : {}),
  }
}

export function run(command: string): Fix {
  return { run: command, set: null, register: null }
}

export function register(value: string): Fix {
  return { run: null, set: null, register: value }
}

/** A setting of the profile to change to a value. */
export function set({ name }: Pick<Profile, 'name'>, key: keyof ProfileEntry, value: unknown): Fix {
  return {
    run: `catchd profile edit ${name}`,
    set: `${JSON.stringify(key)}: ${JSON.stringify(value)}`,
    register: null,
  }
}

/** The server's error texts. Rules search for words in them. */
export function words({ error = '', errorDescription = '' }: Facts): string {
  return `${error} ${errorDescription}`
}

/** A longer list does not help the user. */
const MOST_NAMES = 6

/** Names as part of a sentence. A server can publish many names, long names, and names with odd characters. */
export function listed(names: readonly string[]): string {
  const shown = names
    .slice(0, MOST_NAMES)
    .map((name) => name.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, 80))
    .join(', ')
  return names.length > MOST_NAMES ? `${shown} and ${names.length - MOST_NAMES} more` : shown
}
