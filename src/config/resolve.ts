/**
 * Makes a profile from an entry in the file: merges the entry with the profile that it extends, its preset and the
 * defaults, replaces `{base}`, and makes paths absolute.
 *
 * Pure. An entry without a required key (client_id, endpoints, base_url) is `profile_invalid`: it may be unfinished, so
 * that others can extend it. Everything else is `config_invalid`. rules.ts checks the result.
 */

import { CatchdError } from '../failures.js'
import { scopeNames } from '../text/scopes.js'
import { DEVICE_CODE, GRANTS, usesRefreshToken } from './grants.js'
import { absolutePath, withAbsoluteProgram } from './paths.js'
import { placeholdersIn } from './placeholders.js'
import { defaultRedirectUri } from './presets/registration.js'
import { findPreset, PRESETS, type Preset } from './presets.js'
import {
  FILE_KEYS,
  PARAMETER_KEYS,
  PROFILE_DEFAULTS,
  type Profile,
  type ProfileEntry,
  SERVER_URLS,
  SOURCE_KEYS,
} from './profile.js'
import { atKey } from './profile-key.js'
import { suggestion } from './suggestion.js'

export interface ResolveContext {
  /** Port of the default redirect URI; 0 for a fresh one per login. */
  readonly redirectPort: number
  /** Relative paths start at this folder. */
  readonly configFolder: string
  /** The servers that `preset` may name; the table, unless a test has its own. */
  readonly presets?: readonly Preset[]
}

/** Enough in practice, and ten thousand profiles still cost little. */
const LONGEST_CHAIN = 16

/**
 * @throws CatchdError `profile_unknown`; `profile_invalid` when something is missing, naming the key to set;
 *   `config_invalid` for an unknown preset, an unknown or circular `extends`, a base_url that has no effect.
 */
export function resolveProfile(
  name: string,
  entries: ReadonlyMap<string, ProfileEntry>,
  context: ResolveContext,
): Profile {
  const chain = chainOf(name, entries)
  const written = chain.map(({ entry }) => entry).reduce<Keys>(merge, {})
  const merged = withPreset(name, written, context)
  const { preset, extends: _parent, base_url: _base, offline_scope: _offline, ...keys } = merged
  const given = withAbsolutePaths(withoutEmptyParameters(keys), context.configFolder)
  const secretOwner = chain.findLast(({ entry }) => entry.client_secret !== undefined)?.name ?? name
  const profile: Omit<Profile, 'client_id'> & Pick<ProfileEntry, 'client_id'> = {
    ...PROFILE_DEFAULTS,
    ...given,
    token_endpoint_auth_method: given.token_endpoint_auth_method ?? usualAuthentication(given),
    ...(given.code_challenge_method === undefined && given.grant === DEVICE_CODE
      ? { code_challenge_method: 'none' }
      : {}),
    redirect_uri:
      given.redirect_uri ??
      defaultRedirectUri({ profile: {} }, { port: context.redirectPort, profile: name }),
    ...scopeOf(merged),
    name,
    preset: preset ?? null,
    ...(secretOwner === name ? {} : { client_secret_of: secretOwner }),
  }
  const { client_id } = profile
  if (client_id === undefined)
    throw unfinished(name, 'client_id', 'Set client_id to the value that the authorization server issued.')
  refuseMissingEndpoints(profile)
  return { ...profile, client_id }
}

/** A secret that `token_parameters` send is not sent a second time. */
function usualAuthentication({ client_secret, token_parameters = {}, refresh_parameters = {} }: Keys) {
  const sent = [...Object.values(token_parameters), ...Object.values(refresh_parameters)]
  const isSent = sent.some((template) => placeholdersIn(template).includes('client_secret'))
  return client_secret === undefined || isSent ? 'none' : 'client_secret_basic'
}

/** The entry and what it extends, the outermost ancestor first. */
function chainOf(
  name: string,
  entries: ReadonlyMap<string, ProfileEntry>,
): { name: string; entry: ProfileEntry }[] {
  const chain: { name: string; entry: ProfileEntry }[] = []
  for (let next: string | undefined = name; next !== undefined; next = chain[0]?.entry.extends) {
    const entry = entries.get(next)
    if (entry === undefined) {
      if (chain.length === 0) throw new CatchdError('profile_unknown', { profile: name })
      throw broken(
        name,
        'extends',
        `extends names ${JSON.stringify(next)}, but there is no such profile.${suggestion(next, entries.keys())}`,
        'catchd profile list',
      )
    }
    const before: string = next
    if (chain.some((link) => link.name === before))
      throw broken(name, 'extends', `extends leads back to "${before}".`)
    if (chain.length === LONGEST_CHAIN)
      throw broken(name, 'extends', `extends leads through more than ${LONGEST_CHAIN} profiles.`)
    chain.unshift({ name: next, entry })
  }
  return chain
}

function withPreset(name: string, written: Keys, context: ResolveContext): Keys {
  if (written.preset === undefined) {
    if (written.base_url === undefined) return written
    throw broken(name, 'base_url', 'base_url has no effect without a preset. Set issuer, or the endpoints.')
  }
  const { presets = PRESETS } = context
  const preset = findPreset(written.preset, presets)
  if (preset === undefined) {
    const meant = suggestion(
      written.preset,
      presets.map((row) => row.name),
    )
    throw broken(
      name,
      'preset',
      `There is no preset ${JSON.stringify(written.preset)}.${meant}`,
      'catchd presets',
    )
  }
  const asksForBase = needsBase(preset.profile)
  if (written.base_url !== undefined && !asksForBase) {
    throw broken(
      name,
      'base_url',
      `base_url has no effect with preset "${preset.name}". Set issuer, or the endpoints.`,
    )
  }
  return withBase(name, merge(suited(preset, written, name, context), written))
}

/** The preset for this profile: the redirect URI filled in, and client authentication only where there is a secret. */
function suited({ profile }: Preset, written: Keys, name: string, { redirectPort }: ResolveContext): Keys {
  // Tools ask for the hosts of an entry (presets/tool-access.ts). A profile has only those that are written.
  const { hosts: _hosts, token_username: _username, ...rest } = profile
  const keys = merge({}, rest)
  keys.redirect_uri = defaultRedirectUri({ profile }, { port: redirectPort, profile: name })
  if (written.client_secret === undefined) delete keys.token_endpoint_auth_method
  return keys
}

/** RFC 6749 §3.3. The offline scope is only for grants with a refresh token. */
function scopeOf({ scope = '', offline_scope = '', scope_separator = ' ', grant }: Keys): Keys {
  const isNeeded =
    offline_scope !== '' &&
    usesRefreshToken(grant ?? PROFILE_DEFAULTS.grant) &&
    !scopeNames(scope, scope_separator).includes(offline_scope)
  return isNeeded ? { scope: `${scope} ${offline_scope}`.trim() } : {}
}

const BASE = '{base}'

function needsBase(entry: ProfileEntry): boolean {
  const patterns = [
    ...SERVER_URLS.map((key) => entry[key]),
    ...Object.values(entry.authorization_parameters ?? {}),
  ]
  return patterns.some((pattern) => pattern?.includes(BASE))
}

function withBase(name: string, entry: Keys): Keys {
  if (!needsBase(entry)) return entry
  if (entry.base_url === undefined) {
    throw unfinished(
      name,
      'base_url',
      `Set base_url to the address of your server. Preset "${entry.preset}" needs it for its endpoints.`,
    )
  }
  if (/[?#]/.test(entry.base_url)) throw broken(name, 'base_url', 'base_url must not contain ? or #.')
  const base = entry.base_url.replace(/\/+$/, '')
  refuseEndpoint(name, entry, base)
  const filled: Keys = { ...entry }
  for (const key of SERVER_URLS) {
    const pattern = entry[key]
    if (pattern !== undefined) filled[key] = pattern.replaceAll(BASE, base)
  }
  const parameters = Object.entries(entry.authorization_parameters ?? {})
  if (parameters.length > 0) {
    filled.authorization_parameters = Object.fromEntries(
      parameters.map(([name, value]) => [name, value.replaceAll(BASE, base)]),
    )
  }
  return filled
}

/** A base_url that was copied with the path of an endpoint, or its beginning, which the preset adds a second time. */
function refuseEndpoint(name: string, entry: Keys, base: string): void {
  for (const key of SERVER_URLS) {
    const [, path = ''] = entry[key]?.split(BASE) ?? []
    for (let part = path; part.length > 1; part = part.slice(0, part.lastIndexOf('/'))) {
      if (!base.endsWith(part)) continue
      throw new CatchdError('profile_invalid', {
        profile: name,
        detail: `base_url is too long, because preset "${entry.preset}" adds ${path} itself. Set base_url to ${base.slice(0, -part.length)}.`,
        next: `catchd profile edit ${name}`,
      })
    }
  }
}

/** An entry without keys that are there but undefined. */
type Keys = { [Key in keyof ProfileEntry]?: NonNullable<ProfileEntry[Key]> }

/** The keys of `upper` win; parameters and headers are merged name by name. */
function merge(lower: ProfileEntry, upper: ProfileEntry): Keys {
  const merged: Keys = {}
  for (const [key, value] of [...Object.entries(lower), ...Object.entries(upper)]) {
    if (value !== undefined) Object.assign(merged, { [key]: value })
  }
  for (const key of PARAMETER_KEYS) {
    if (lower[key] !== undefined && upper[key] !== undefined) merged[key] = { ...lower[key], ...upper[key] }
  }
  return merged
}

/**
 * A parameter without a value counts as omitted (RFC 6749 §3.1). So an entry can remove a parameter of its preset. In token
 * requests it can also remove one of the standard, so there the empty value is kept.
 */
function withoutEmptyParameters(entry: Keys): Keys {
  const kept: Keys = { ...entry }
  for (const key of PARAMETER_KEYS) {
    const parameters = entry[key]
    if (parameters === undefined || key === 'token_parameters' || key === 'refresh_parameters') continue
    kept[key] = Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== ''))
  }
  return kept
}

function withAbsolutePaths(entry: Keys, configFolder: string): Keys {
  const paths: Keys = { ...entry }
  for (const key of FILE_KEYS) {
    const path = entry[key]
    if (path !== undefined) paths[key] = absolutePath(path, configFolder)
  }
  for (const key of SOURCE_KEYS) {
    const source = entry[key]
    if (typeof source === 'object') Object.assign(paths, { [key]: withAbsoluteSource(source, configFolder) })
  }
  return paths
}

function withAbsoluteSource(source: object, configFolder: string): object {
  const { file, command }: { readonly file?: string; readonly command?: string[] } = source
  if (file !== undefined) return { file: absolutePath(file, configFolder) }
  return command === undefined ? source : { command: withAbsoluteProgram(command, configFolder) }
}

function refuseMissingEndpoints(profile: Omit<Profile, 'client_id'>): void {
  if (profile.issuer !== undefined || profile.resource_server !== undefined) return
  const missing = GRANTS[profile.grant].endpoints.filter((key) => profile[key] === undefined)
  if (missing.length === 0) return
  throw unfinished(profile.name, 'preset', `Set preset, issuer, or ${missing.join(' and ')}.`)
}

function unfinished(profile: string, key: keyof ProfileEntry, rule: string): CatchdError {
  return new CatchdError('profile_invalid', {
    detail: `Profile "${profile}" is not complete. ${rule}`,
    profile,
    members: atKey(key, rule),
  })
}

function broken(profile: string, key: keyof ProfileEntry, rule: string, next?: string): CatchdError {
  return new CatchdError('config_invalid', {
    detail: `Profile "${profile}" cannot be used: ${rule}`,
    profile,
    members: atKey(key, rule),
    ...(next === undefined ? {} : { next }),
  })
}
