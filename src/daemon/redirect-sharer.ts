/** Whether a redirect URI is somebody else's too, so that a response there may be meant for them. */
import type { Profile } from '../config/profile.js'
import type { ConfigurationStore } from '../config/store.js'
import type { LoginService } from '../login/login-service.js'
import { isSamePlace } from '../login/redirect-uris.js'

/** @returns Who has it, in words. */
export function sharerOf(
  redirectUri: string,
  configuration: ConfigurationStore,
  logins: LoginService,
): string | undefined {
  const isHere = (profile: Profile) => isSamePlace(profile.redirect_uri, redirectUri)
  const profile = [...configuration.profiles().values()].find(isHere)
  if (profile !== undefined) return `the profile ${profile.name}`
  return logins.responseModes(redirectUri).size > 0 ? 'a login that waits for its response' : undefined
}
