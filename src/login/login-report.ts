/**
 * The report of a login that did not end well, or ended without a refresh token: what was sent and answered, and the
 * likely causes. Made when the login ends, from what is known then; asks nobody.
 */

import type { TokenSetOrigin } from '../authorization-server/issued-tokens.js'
import type { AuthorizationServers } from '../authorization-server/port.js'
import {
  browserExchange,
  type RecordedExchange,
  type Transcript,
} from '../authorization-server/transcript.js'
import { usesRefreshToken } from '../config/grants.js'
import { findPreset } from '../config/presets.js'
import type { Profile } from '../config/profile.js'
import { advised } from '../diagnosis/advice.js'
import { diagnose } from '../diagnosis/diagnose.js'
import { type Cause, type Facts, type Step, withoutSecrets } from '../diagnosis/facts.js'
import type { MachineFacts } from '../diagnosis/machine-facts.js'
import { CatchdError } from '../failures.js'
import type { PendingLogin } from './login.js'
import type { Claim } from './pending-logins.js'
import type { LoginProfiles } from './ports.js'

export interface LoginReport {
  /** The authorization request first. */
  readonly exchanges: readonly RecordedExchange[]
  /** The likeliest first; empty where nothing is known. */
  readonly causes: readonly Cause[]
}

export interface ReportParts {
  readonly servers: Pick<AuthorizationServers, 'origin' | 'published'>
  readonly profiles: Pick<LoginProfiles, 'profile'>
  /** Nothing of it is known without. */
  readonly machine?: MachineFacts
}

/** How a login ended. */
export interface Ending {
  readonly step: Step
  readonly failure?: CatchdError
  /** What came to the redirect URI. */
  readonly claim?: Claim
  readonly transcript?: Transcript
}

/** Of a login that ends at a redirect URI. */
export function reportOf(parts: ReportParts, login: PendingLogin, ending: Ending): LoginReport {
  const { authorizationUrl } = login
  // What another tool built is known to it alone.
  const asked =
    authorizationUrl === null ? [] : [browserExchange(authorizationUrl, answerOf(ending), secretsOf(login))]
  const exchanges = [...asked, ...(ending.transcript?.exchanges ?? [])]
  return { exchanges, causes: causesOf(parts, login, ending, exchanges) }
}

/** Of a login where a person enters a code elsewhere (RFC 8628): nothing comes to a redirect URI. */
export function deviceReportOf(
  parts: ReportParts,
  login: { readonly profile: string; readonly redirectUri: string; readonly origin: TokenSetOrigin },
  ending: Ending,
): LoginReport {
  const exchanges = ending.transcript?.exchanges ?? []
  return { exchanges, causes: causesOf(parts, login, ending, exchanges) }
}

function answerOf({ claim }: Ending): Parameters<typeof browserExchange>[1] {
  if (claim === undefined) return undefined
  if (claim.verdict === 'code') return { hasCode: true }
  const { error, errorDescription, evidence } = claim.failure
  return { hasCode: false, error, errorDescription, issuer: evidence?.issuer }
}

function secretsOf({ state, codeVerifier, nonce }: PendingLogin) {
  return [state, codeVerifier, nonce].filter((secret) => secret !== null)
}

function causesOf(
  parts: ReportParts,
  login: { readonly profile: string; readonly redirectUri: string; readonly origin: TokenSetOrigin },
  { step, failure }: Ending,
  exchanges: readonly RecordedExchange[],
): readonly Cause[] {
  const profile = unchangedProfile(parts, login.profile, login.origin)
  if (profile === undefined) return []
  return diagnose(factsOf(parts, profile, login.redirectUri, { step, failure }, exchanges))
}

/**
 * Why a login could not even begin, said with the failure itself: there is no login that could have a report.
 *
 * @param redirectUri - As it is bound.
 */
export function whyNotBegun(
  parts: ReportParts,
  profile: Profile,
  redirectUri: string,
  thrown: unknown,
): unknown {
  if (!(thrown instanceof CatchdError)) return thrown
  // What the server itself refuses before a browser opens is a pushed request (RFC 9126).
  const step = thrown.code === 'provider_refused' ? 'authorization' : 'discovery'
  const facts = factsOf(parts, profile, redirectUri, { step, failure: thrown }, [])
  return advised(thrown.of(profile.name), diagnose(facts))
}

/** Why a refresh, or a token without a person, was refused; what only a login helps against says so already. */
export function whyNotRefreshed(parts: ReportParts, name: string, thrown: unknown): unknown {
  if (!(thrown instanceof CatchdError) || !thrown.code.startsWith('provider_')) return thrown
  try {
    const profile = parts.profiles.profile(name)
    const step = usesRefreshToken(profile.grant) ? 'refresh' : 'token_request'
    const facts = factsOf(parts, profile, profile.redirect_uri, { step, failure: thrown }, [])
    return advised(thrown.of(name), diagnose(facts))
  } catch {
    return thrown // removed meanwhile
  }
}

function factsOf(
  parts: ReportParts,
  profile: Profile,
  redirectUri: string,
  { step, failure }: { readonly step: Step; readonly failure: CatchdError | undefined },
  exchanges: readonly RecordedExchange[],
): Facts {
  const differences = exchanges.map(({ clockDifferenceSeconds }) => clockDifferenceSeconds)
  return {
    profile: withoutSecrets(profile),
    preset: profile.preset === null ? undefined : findPreset(profile.preset),
    metadata: parts.servers.published(profile),
    step,
    redirectUri,
    code: failure?.code,
    error: failure?.error,
    errorDescription: failure?.errorDescription,
    httpStatus: exchanges.at(-1)?.status ?? undefined,
    evidence: failure?.evidence,
    clockDifferenceSeconds: differences.findLast((difference) => difference !== null) ?? undefined,
    proxyVariables: parts.machine?.proxyVariables ?? [],
    platform: parts.machine?.platform ?? 'linux',
  }
}

/** One that was pointed elsewhere since, or removed, explains nothing. */
function unchangedProfile(
  { servers, profiles }: ReportParts,
  name: string,
  begunAt: TokenSetOrigin,
): Profile | undefined {
  try {
    const profile = profiles.profile(name)
    const now = servers.origin(profile)
    const isSame =
      now.authorizationServer === begunAt.authorizationServer && now.clientId === begunAt.clientId
    return isSame ? profile : undefined
  } catch {
    return undefined
  }
}
