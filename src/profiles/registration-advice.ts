/** What the user can do where catchd cannot register a client (RFC 7591), or may not without asking. Pure. */
import type { DiscoveredServer } from '../authorization-server/port.js'
import { CatchdError } from '../failures.js'
import { shellWord } from '../text/shell-word.js'

/** What the user asked for with a URL. The command in a failure has to ask for the same. */
interface Asked {
  readonly url: string
  readonly profile?: string | undefined
  readonly scope?: string | undefined
  readonly redirectUri?: string | undefined
  readonly issuer?: string | undefined
  readonly caFile?: string | undefined
}

/** The server registers no clients. */
export function needsClient(server: DiscoveredServer, redirectUri: string, next: string): CatchdError {
  const also = server.takesClientMetadataDocuments
    ? ' The URL of a Client ID Metadata Document works too.'
    : ''
  return new CatchdError('profile_invalid', {
    detail: `${server.issuer} offers no automatic registration. ${howToRegister(redirectUri)}${also}`,
    next,
  })
}

/** The refusal of a registration, or an answer that cannot be used, with what the user can do instead. */
export function byHand(refusal: CatchdError, redirectUri: string, next: string): CatchdError {
  const { code, error, errorDescription } = refusal
  if (code !== 'provider_refused' && code !== 'provider_answer_invalid') return refusal
  return new CatchdError(code, {
    detail: `${refusal.detail ?? ''} ${howToRegister(redirectUri)}`.trim(),
    error,
    errorDescription,
    next,
  })
}

function howToRegister(redirectUri: string): string {
  return `Register a client there yourself, with the redirect URI ${redirectUri}, and give its client_id.`
}

/** The command that takes a client of the user's own. It makes the profile that the refused one would have made. */
export function nextWithClient({ url, profile, scope, redirectUri, issuer, caFile }: Asked): string {
  const options = {
    '--name': profile,
    '--scope': scope,
    '--redirect-uri': redirectUri,
    '--issuer': issuer,
    '--ca-file': caFile,
  }
  const given = Object.entries(options).flatMap(([flag, value]) =>
    value === undefined ? [] : [flag, shellWord(value)],
  )
  return ['catchd login', shellWord(url), ...given, '--client-id CLIENT_ID'].join(' ')
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

/** A profile that would move to the new server without having been named. */
export function isExtended(profile: string, heir: string): CatchdError {
  return new CatchdError('request_invalid', {
    profile,
    detail: `Profile "${heir}" extends "${profile}", so it would move to the new server too. Nothing was changed. Give "${heir}" its own settings first.`,
    next: `catchd profile edit ${heir}`,
  })
}

/** The user agreed to an issuer that the URL does not name. */
export function notNamed(url: string, agreed: string, named: string): CatchdError {
  return new CatchdError('issuer_mismatch', {
    detail: `${url} names the authorization server ${named}, not ${agreed}. Nothing was sent to either of them.`,
    next: `catchd login ${shellWord(url)} --issuer ${shellWord(named)}`,
  })
}
