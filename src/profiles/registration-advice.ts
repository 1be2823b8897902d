/** What the user can do where catchd cannot register a client (RFC 7591), or may not without asking. Pure. */
import type { DiscoveredServer } from '../authorization-server/port.js'
import { CatchdError } from '../failures.js'
import { shellWord } from '../text/shell-word.js'

/** The server registers no clients. */
export function needsClient(server: DiscoveredServer, redirectUri: string): CatchdError {
  const also = server.takesClientMetadataDocuments
    ? ' The URL of a Client ID Metadata Document works too.'
    : ''
  return new CatchdError('profile_invalid', {
    detail: `${server.issuer} offers no automatic registration. ${howToRegister(redirectUri)}${also}`,
    next: nextWithClient(server.url),
  })
}

/** The refusal of a registration, with what the user can do instead. */
export function byHand(refusal: CatchdError, redirectUri: string, url: string): CatchdError {
  if (refusal.code !== 'provider_refused') return refusal
  const { error, errorDescription } = refusal
  return new CatchdError('provider_refused', {
    detail: `${refusal.detail ?? ''} ${howToRegister(redirectUri)}`.trim(),
    error,
    errorDescription,
    next: nextWithClient(url),
  })
}

function howToRegister(redirectUri: string): string {
  return `Register a client there yourself, with the redirect URI ${redirectUri}, and give its client_id.`
}

function nextWithClient(url: string): string {
  return `catchd login ${shellWord(url)} --client-id CLIENT_ID`
}

/** The resource names another authorization server than the profile has. The user has to agree to it. */
export function namesOther(profile: string, issuer: string, server: DiscoveredServer): CatchdError {
  return new CatchdError('issuer_mismatch', {
    profile,
    detail:
      `${server.url} now names the authorization server ${server.issuer}. Profile "${profile}" uses ${issuer}. ` +
      `Nothing was sent to the new server. If you trust it, log in there with a new client. To stay, run catchd login ${profile}.`,
    next: `catchd login ${shellWord(server.url)} --name ${profile} --issuer ${shellWord(server.issuer)}`,
  })
}

/** The user agreed to an issuer that the URL does not name. */
export function notNamed(url: string, agreed: string, named: string): CatchdError {
  return new CatchdError('issuer_mismatch', {
    detail: `${url} names the authorization server ${named}, not ${agreed}. Nothing was sent to either of them.`,
    next: `catchd login ${shellWord(url)} --issuer ${shellWord(named)}`,
  })
}
