/**
 * What a session of the dashboard may not do to profiles: send a secret that it did not bring itself to another server
 * (SECURITY.md#one-secret-one-server). Pure.
 *
 * The rule compares the whole configuration before and after the edit, because other profiles may extend the edited one.
 * A secret may go only where a profile with this secret already sent it before. It does not matter by which key a server
 * was changed. The owner of the configuration is not limited: socket, admin key and the file itself.
 */
import { isDeepStrictEqual } from 'node:util'
import { areRelated } from '../authorization-server/one-operator.js'
import { isLoopbackHost } from '../config/loopback.js'
import { hasSecretPlaceholder } from '../config/placeholders.js'
import { hostsOf } from '../config/presets/tool-access.js'
import { findPreset } from '../config/presets.js'
import {
  FILE_KEYS,
  PARAMETER_KEYS,
  type Profile,
  type ProfileEntry,
  SECRET_URLS,
  SERVER_URLS,
  SOURCE_KEYS,
} from '../config/profile.js'
import { atKey } from '../config/profile-key.js'
import type { ConfiguredProfiles } from '../config/store.js'
import { CatchdError } from '../failures.js'
import { masked } from './profile-mask.js'

export interface SessionEdit {
  /** The profile that the session writes. */
  readonly name: string
  /** There is no such profile yet, so the editor of one does not find it. */
  readonly isNew: boolean
  /** As the request says it. */
  readonly entry: ProfileEntry
  /** The request contains the client secret itself. */
  readonly bringsClientSecret: boolean
  /** A token set of the profile is stored and in use. */
  readonly hasTokens: boolean
}

type Key = keyof ProfileEntry

/**
 * A page must not be able to run programs, or to choose a file or a variable of this machine.
 *
 * @param before - The entry of the profile now.
 * @throws CatchdError `forbidden`
 */
export function refuseNewSources(
  edit: Pick<SessionEdit, 'name' | 'isNew' | 'entry'>,
  before: ProfileEntry,
): void {
  const { entry } = edit
  const isRead = (key: (typeof SOURCE_KEYS)[number]) => {
    const source = entry[key]
    return typeof source === 'object' && ('command' in source || 'file' in source || 'env' in source)
  }
  const named = [...SOURCE_KEYS.filter(isRead), ...FILE_KEYS].find(
    (key) => entry[key] !== undefined && !isDeepStrictEqual(before[key], entry[key]),
  )
  if (named === undefined) return
  throw forbidden(edit, named, `cannot set ${named} to a command, a file or a variable`)
}

/** @throws CatchdError `forbidden`, naming the key that would move a secret */
export function refuseMovedSecrets(
  edit: SessionEdit,
  before: ConfiguredProfiles,
  after: ConfiguredProfiles,
): void {
  for (const profile of after.profiles.values()) {
    const earlier = before.profiles.get(profile.name)
    if (isDeepStrictEqual(earlier, profile)) continue
    for (const [key, secret] of secretsOf(profile, edit)) {
      requirePlace(edit, profile, key, secret, before)
    }
    refuseMixedServers(edit, profile, before, after)
    refuseOtherReceivers(edit, profile, before, after)
    refuseNewPointers(edit, profile, before)
  }
}

/** A secret must go where a profile of before already sends it. */
function requirePlace(
  edit: SessionEdit,
  profile: Profile,
  key: Key,
  secret: string,
  before: ConfiguredProfiles,
): void {
  let moved: Key = key
  for (const holder of before.profiles.values()) {
    const holds = secretsOf(holder, { ...edit, bringsClientSecret: false, entry: {} })
    if (!holds.some(([, held]) => held === secret) && secret !== tokensOf(holder.name)) continue
    const change = changedKey(holder, profile)
    if (change === undefined) return
    moved = change
  }
  throw forbidden(
    edit,
    moved,
    moved === key
      ? `cannot set ${key} to a secret that is not in the request itself`
      : `cannot change ${moved}: catchd would send a secret of profile "${profile.name}" (${key}) to another server`,
  )
}

/** Each secret that a profile sends, with its key. Equal texts mean the same secret. */
function secretsOf(profile: Profile, edit: SessionEdit): [key: Key, secret: string][] {
  const secrets: [Key, string][] = []
  for (const key of [...SOURCE_KEYS, ...FILE_KEYS]) {
    const value = profile[key]
    if (value === undefined) continue
    if (typeof value === 'object' && 'profile' in value) secrets.push([key, tokensOf(value.profile)])
    else if (key !== 'client_secret') secrets.push([key, JSON.stringify([key, value])])
    else {
      const owner = profile.client_secret_of ?? profile.name
      const isKept = typeof value === 'string' || 'keychain' in value
      if (!(owner === edit.name && edit.bringsClientSecret)) {
        secrets.push([key, JSON.stringify([key, isKept ? owner : value])])
      }
    }
  }
  for (const key of PARAMETER_KEYS) {
    for (const [name, value] of Object.entries(profile[key] ?? {})) {
      const isOwn = !hasSecretPlaceholder(value) || (profile.name === edit.name && edit.bringsClientSecret)
      const isBrought = edit.entry[key]?.[name] === value && isOwn
      if (isHidden(profile, key, name, value) && !isBrought) {
        secrets.push([key, JSON.stringify([key, name, value])])
      }
    }
  }
  if (profile.name === edit.name && edit.hasTokens && !edit.bringsClientSecret) {
    secrets.push(['token_endpoint', tokensOf(profile.name)])
  }
  return secrets
}

function tokensOf(profile: string): string {
  return JSON.stringify(['tokens', profile])
}

/**
 * A parameter that the API does not show may be a secret, and a placeholder can stand for one, unless the preset sets it.
 * A session may not put a secret into a parameter of its choice: a server may show or store what it gets there.
 */
function isHidden(
  { preset }: Profile,
  key: (typeof PARAMETER_KEYS)[number],
  name: string,
  value: string,
): boolean {
  const isShown = masked({ [key]: { [name]: value } })[key]?.[name] === value
  if (isShown && !hasSecretPlaceholder(value)) return false
  return preset === null || findPreset(preset)?.profile[key]?.[name] !== value
}

/** The key by which `now` sends secrets elsewhere than `before`; `undefined` if it sends them to the same server. */
function changedKey(before: Profile, now: Profile): Key | undefined {
  const urls = SECRET_URLS.map((key) => before[key])
  const elsewhere = SECRET_URLS.find((key) => now[key] !== undefined && !urls.includes(now[key]))
  if (elsewhere !== undefined) return elsewhere
  if (now.issuer !== undefined && now.issuer !== before.issuer) return 'issuer'
  if (now.issuer === undefined && now.resource_server !== undefined) {
    if (before.issuer !== undefined || now.resource_server !== before.resource_server)
      return 'resource_server'
  }
  return now.ca_file === before.ca_file ? undefined : 'ca_file'
}

/**
 * The user would approve at one server and the code would go to another one (RFC 9700 §4.4). Only the owner of the
 * configuration, or a preset, may name servers of different operators.
 */
function refuseMixedServers(
  edit: SessionEdit,
  profile: Profile,
  before: ConfiguredProfiles,
  after: ConfiguredProfiles,
): void {
  const isKnown = [...before.profiles.values()].some((known) =>
    SERVER_URLS.every((key) => known[key] === profile[key]),
  )
  if (isKnown) return
  const { issuer, authorization_endpoint, token_endpoint } = profile
  const servers = [issuer, authorization_endpoint, token_endpoint].filter((url) => url !== undefined)
  const mixed = SERVER_URLS.filter((key) => {
    const url = profile[key]
    if (url === undefined || key === 'resource_server' || !isWritten(after, profile.name, key)) return false
    return !servers.every((server) => areRelated(server, url))
  })
  const earlier = before.profiles.get(profile.name)
  const named = mixed.find((key) => key !== 'issuer' && profile[key] !== earlier?.[key]) ?? mixed[0]
  if (named === undefined) return
  throw forbidden(
    edit,
    named,
    `cannot set ${named} to another server than the other endpoints of the profile`,
  )
}

/** Whether the entry, or one that it extends, sets the key itself. Otherwise its preset does. */
function isWritten({ written }: ConfiguredProfiles, profile: string, key: Key): boolean {
  for (let entry = written.get(profile); entry !== undefined; entry = written.get(entry.extends ?? '')) {
    if (entry[key] !== undefined) return true
  }
  return false
}

/** `hosts` get tokens from `catchd credential`, and a redirect URI that is not loopback gets codes. */
function refuseOtherReceivers(
  edit: SessionEdit,
  profile: Profile,
  earlier: ConfiguredProfiles,
  after: ConfiguredProfiles,
): void {
  const before = earlier.profiles.get(profile.name)
  const { preset, hosts, listen, redirect_uri, authorization_redirect_uri: sent } = profile
  // A preset makes a host from base_url, which can name another server than the one that issues the tokens.
  const server = profile.token_endpoint ?? profile.issuer
  const known = [
    ...(before?.hosts ?? []),
    ...hostsOf(earlier.written.get(profile.name) ?? {}),
    ...(server === undefined ? [] : [new URL(server).host]),
  ]
  const written = after.written.get(profile.name) ?? {}
  const added = written.hosts === undefined ? hostsOf(written) : []
  if (!hosts.every((host) => before?.hosts.includes(host)) || !added.every((host) => known.includes(host))) {
    throw forbidden(edit, 'hosts', 'cannot add hosts, which get tokens of the profile')
  }
  const ofPreset = preset === null ? undefined : findPreset(preset)?.profile.authorization_redirect_uri
  if (sent !== undefined && sent !== before?.authorization_redirect_uri && sent !== ofPreset) {
    throw forbidden(
      edit,
      'authorization_redirect_uri',
      'cannot set authorization_redirect_uri, which can lead to another machine',
    )
  }
  const isLocal = listen === undefined && isLoopbackHost(new URL(redirect_uri).hostname)
  if (isLocal || (listen === before?.listen && redirect_uri === before?.redirect_uri)) return
  throw forbidden(edit, 'redirect_uri', 'cannot set a redirect_uri that leads to another machine')
}

/** A pointer says what of an answer is a token, and what is shown: it can show a token as a scope. */
function refuseNewPointers(edit: SessionEdit, profile: Profile, before: ConfiguredProfiles): void {
  const { token_response: { pointers } = {}, preset } = profile
  const ofPreset = preset === null ? undefined : findPreset(preset)?.profile.token_response?.pointers
  const known = [...before.profiles.values()].map(({ token_response: shape }) => shape?.pointers)
  if ([undefined, ofPreset, ...known].some((other) => isDeepStrictEqual(other, pointers))) return
  throw forbidden(
    edit,
    'token_response',
    'cannot set token_response.pointers, which say where the tokens of an answer are',
  )
}

function forbidden(
  { name, isNew }: Pick<SessionEdit, 'name' | 'isNew'>,
  key: Key,
  rule: string,
): CatchdError {
  const detail = `The dashboard ${rule}. Edit the configuration file instead.`
  return new CatchdError('forbidden', {
    profile: name,
    detail,
    next: isNew ? 'catchd profile edit' : `catchd profile edit ${name}`,
    members: atKey(key, detail),
  })
}
