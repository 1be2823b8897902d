/**
 * What a preset says about registering one profile at the vendor: the redirect URI to enter, and why a profile cannot
 * work there.
 *
 * Pure. The rules are data of the preset (presets/preset.ts). A profile without a preset has none.
 */
import { CatchdError } from '../../failures.js'
import { findPreset } from '../presets.js'
import type { Profile } from '../profile.js'
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
 * @param redirectUri - Of the profile.
 * @returns `undefined` where loopback redirect URIs need no entry.
 */
export function registeredRedirectUri(
  { redirect }: Pick<Preset, 'redirect'>,
  redirectUri: string,
): string | undefined {
  if (loopbackHostOf(redirectUri) === undefined) return redirectUri
  if (redirect.match === 'unregistered') return undefined
  return redirect.match === 'any_port' ? withoutPort(redirectUri) : redirectUri
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
      detail: `${preset.title} gives every client a secret, but the profile has none. Set client_secret.`,
      next: `catchd presets ${preset.name}`,
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

function withoutPort(redirectUri: string): string {
  const url = new URL(redirectUri)
  url.port = ''
  return url.href
}
