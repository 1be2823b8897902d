/**
 * What a preset says about registering one profile at the vendor: the redirect URI to enter, and why a profile cannot
 * work there.
 *
 * Pure. The rules are data of the preset (presets/preset.ts). A profile without a preset has none.
 */
import { CatchdError } from '../../failures.js'
import { findPreset } from '../presets.js'
import type { Profile, ProfileEntry } from '../profile.js'
import { setSecretCommand } from '../secret-source.js'
import type { LoopbackHost, Preset } from './preset.js'

/** The redirect URI of a profile that has none of its own. */
export function defaultRedirectUri(
  {
    profile: { redirect_uri: pattern = 'http://127.0.0.1:{port}/callback/{profile}' },
  }: Pick<Preset, 'profile'>,
  { profile, port }: { readonly profile: string; readonly port: number },
): string {
  return pattern.replace('{port}', String(port)).replace('{profile}', profile)
}

/**
 * The redirect URI as it has to be entered at the vendor.
 *
 * @param preset - `undefined` for a profile without one.
 * @param redirectUri - Of the profile.
 * @returns `undefined` where loopback redirect URIs need no entry, and where each login has a port of its own.
 */
export function registeredRedirectUri(
  preset: Pick<Preset, 'redirect'> | undefined,
  redirectUri: string,
): string | undefined {
  const match = loopbackHostOf(redirectUri) === undefined ? 'exact' : (preset?.redirect.match ?? 'exact')
  if (match === 'any_port') return withoutPort(redirectUri)
  return match === 'unregistered' || /:0(?:\/|$)/.test(redirectUri) ? undefined : redirectUri
}

/** What to know before a profile is registered at the vendor. */
export interface Registration {
  readonly preset: Preset | undefined
  /** To enter at the vendor; `null`: nothing has to be entered, or it is not known. */
  readonly redirectUri: string | null
  /** Why the vendor does not accept the redirect URI; `null`: nothing is known against it. */
  readonly objection: string | null
}

/**
 * @param entry - The profile in the configuration.
 * @param port - The port of the default redirect URI.
 */
export function registrationOf(
  profile: string,
  entry: Pick<ProfileEntry, 'preset' | 'redirect_uri' | 'extends'>,
  port: number,
): Registration {
  const { preset: presetName, redirect_uri: own, extends: extended } = entry
  const preset = presetName === undefined ? undefined : findPreset(presetName)
  // An inherited redirect URI is not known here.
  if (extended !== undefined && own === undefined) return { preset, redirectUri: null, objection: null }
  const redirectUri = own ?? defaultRedirectUri(preset ?? { profile: {} }, { profile, port })
  const objection = preset === undefined ? null : (redirectObjection(preset, redirectUri) ?? null)
  if (objection !== null) return { preset, redirectUri: null, objection }
  return { preset, redirectUri: registeredRedirectUri(preset, redirectUri) ?? null, objection }
}

/** Whether the user must give the address of the server, may give it, or it has no effect. */
export function baseUrlUse({ profile }: Pick<Preset, 'profile'>): 'needed' | 'optional' | 'unused' {
  if (!JSON.stringify(profile).includes('{base}')) return 'unused'
  return profile.base_url === undefined ? 'needed' : 'optional'
}

/** @returns Why the vendor does not accept the redirect URI and what to do; `undefined` when it may be accepted. */
export function redirectObjection(
  { title, redirect }: Pick<Preset, 'title' | 'redirect'>,
  redirectUri: string,
): string | undefined {
  const host = loopbackHostOf(redirectUri)
  if (host === undefined || redirect.refuses?.includes(host) !== true) return undefined
  const rule = `${title} accepts no redirect URI that begins with http://${host}.`
  const takesNoHttp = LOOPBACK_HOSTS.every((each) => redirect.refuses?.includes(each))
  return [rule, redirect.instead, takesNoHttp ? HTTPS_ADVICE : undefined]
    .filter((sentence) => sentence !== undefined)
    .join(' ')
}

/**
 * Refuses a profile that the vendor's documents do not allow, before a browser opens.
 *
 * @throws CatchdError `profile_invalid`
 */
export function requireRegistrable(profile: Profile): void {
  const preset = profile.preset === null ? undefined : findPreset(profile.preset)
  if (preset === undefined) return
  const objection = redirectObjection(preset, profile.redirect_uri)
  if (objection !== undefined) throw new CatchdError('profile_invalid', objection)
  if (preset.scope !== undefined && !profile.scope) {
    throw new CatchdError('profile_invalid', {
      profile: profile.name,
      detail: `${preset.title} needs a scope, but the profile has none. Set scope.`,
      next: `catchd profile edit ${profile.name}`,
    })
  }
  const { token_endpoint_auth_method: method, client_secret: secret } = profile
  if (preset.client === 'confidential' && method === 'none' && secret === undefined) {
    throw new CatchdError('profile_invalid', {
      profile: profile.name,
      detail: `${preset.title} gives every client a secret, but the profile has none.`,
      next: setSecretCommand(profile.name),
    })
  }
}

const HTTPS_ADVICE =
  'docs/https-loopback.md shows how to serve https on this machine, for localhost or a name in the hosts file.'

const LOOPBACK_HOSTS: readonly LoopbackHost[] = ['127.0.0.1', 'localhost', '[::1]']

/** The host of a plain http redirect URI on the loopback interface. */
function loopbackHostOf(redirectUri: string): LoopbackHost | undefined {
  if (!URL.canParse(redirectUri)) return undefined
  const { protocol, hostname } = new URL(redirectUri)
  return protocol === 'http:' ? LOOPBACK_HOSTS.find((host) => host === hostname) : undefined
}

/** As a server that accepts any port has it. */
export function withoutPort(redirectUri: string): string {
  const url = new URL(redirectUri)
  url.port = ''
  return url.href
}
