/**
 * What a diagnosis goes by, and what it says: facts about a step that went wrong, and the causes that explain it, each
 * with one fix.
 *
 * Pure. A fact that is not known is `undefined`, and nothing is concluded from it. No fact is a secret: of the client
 * secret it is known that there is one.
 */
import type { ServerMetadata } from '../authorization-server/metadata.js'
import type { Preset } from '../config/presets.js'
import { type Profile, ProfileEntry, type ShownKey } from '../config/profile.js'
import { profileKey } from '../config/profile-key.js'
import type { Evidence, FailureCode } from '../failures.js'

/** How far the profile got. */
export type Step =
  | 'discovery'
  /** The authorization request, pushed ones (RFC 9126) too, and the response to it. */
  | 'authorization'
  /** Nothing came back to the redirect URI. */
  | 'no_response'
  | 'token_request'
  | 'refresh'
  /** The login succeeded, and there is no refresh token. */
  | 'no_refresh_token'

/** Without the keys that may hold a secret. */
export type DiagnosedProfile = Omit<Profile, Exclude<keyof ProfileEntry, ShownKey>> & {
  readonly hasClientSecret: boolean
}

export interface Facts {
  readonly profile: DiagnosedProfile
  readonly preset: Preset | undefined
  /** What the server publishes (RFC 8414); `undefined` where it publishes nothing or was not asked. */
  readonly metadata: ServerMetadata | undefined
  readonly step: Step
  /** As it was sent, its port included. */
  readonly redirectUri: string
  readonly code?: FailureCode | undefined
  /** `error` and `error_description` of the server (RFC 6749 §4.1.2.1, §5.2). */
  readonly error?: string | undefined
  readonly errorDescription?: string | undefined
  readonly httpStatus?: number | undefined
  readonly evidence?: Evidence | undefined
  /** By how much this machine is ahead of the server; negative when it is behind. */
  readonly clockDifferenceSeconds?: number | undefined
  /** Names of the proxy variables that are set. */
  readonly proxyVariables?: readonly string[]
  readonly platform: NodeJS.Platform
}

/** What is to be done; exactly one of `run` and `register` is there, and `set` goes with `run`. */
export interface Fix {
  /** A command. */
  readonly run: string | null
  /** The member of the profile that the command's editor is opened for. */
  readonly set: string | null
  /** A value to enter at the authorization server. */
  readonly register: string | null
}

export interface Cause {
  /** A word for programs; words are added, never renamed. */
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
] as const
export type CauseName = (typeof CAUSES)[number]

/** One aspect: what it finds among the facts, the likeliest first. */
export type Rule = (facts: Facts) => readonly Cause[]

/** Leaves out what may hold a secret. */
export function withoutSecrets(profile: Profile): DiagnosedProfile {
  const isKept = (name: string) =>
    !Object.hasOwn(ProfileEntry.shape, name) || profileKey(ProfileEntry.shape, name)?.shown === true
  const kept = Object.fromEntries(Object.entries(profile).filter(([name]) => isKept(name)))
  return {
    ...(kept as Omit<DiagnosedProfile, 'hasClientSecret'>),
    hasClientSecret: profile.client_secret !== undefined,
  }
}

export function run(command: string): Fix {
  return { run: command, set: null, register: null }
}

export function register(value: string): Fix {
  return { run: null, set: null, register: value }
}

/** A member of the profile to set to a value; `undefined` takes it away. */
export function set({ name }: Pick<Profile, 'name'>, key: keyof Profile, value: unknown): Fix {
  return {
    run: `catchd profile edit ${name}`,
    set: `${JSON.stringify(key)}: ${JSON.stringify(value)}`,
    register: null,
  }
}

/** What the server said, for rules to look for words in. */
export function words({ error = '', errorDescription = '' }: Facts): string {
  return `${error} ${errorDescription}`
}

/** Longer lists help nobody. */
const MOST_NAMES = 6

/** Names for a sentence; those of a server may be many, long and odd. */
export function listed(names: readonly string[]): string {
  const shown = names
    .slice(0, MOST_NAMES)
    .map((name) => name.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, 80))
    .join(', ')
  return names.length > MOST_NAMES ? `${shown} and ${names.length - MOST_NAMES} more` : shown
}
