/**
 * The report of a login that failed, or ended without a refresh token: the requests and answers, and the likely causes. It
 * is made when the login ends, from facts known at that time, and sends no request.
 */

import type { TokenSetOrigin } from '../authorization-server/issued-tokens.js'
import type { AuthorizationServers } from '../authorization-server/port.js'
import { SentValues } from '../authorization-server/sent-values.js'
import {
  browserExchange,
  type RecordedExchange,
  type Transcript,
} from '../authorization-server/transcript.js'
import { usesRefreshToken } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import { advised } from '../diagnosis/advice.js'
import { diagnose } from '../diagnosis/diagnose.js'
import { type Cause, type Facts, type MachineFacts, profileFacts, type Step } from '../diagnosis/facts.js'
import { CatchdError } from '../failures.js'
import type { PendingLogin } from './login.js'
import { profileOfLogin } from './obtained-tokens.js'
import type { LoginProfiles } from './ports.js'

export interface LoginReport {
  /** The authorization request first. */
  readonly exchanges: readonly RecordedExchange[]
  /** The likeliest first; empty when none is known. */
  readonly causes: readonly Cause[]
}

export interface ReportParts {
  readonly servers: Pick<AuthorizationServers, 'origin' | 'published'>
  readonly profiles: Pick<LoginProfiles, 'profile'>
  readonly machine?: MachineFacts
}

/** How a login ended. `done`: with tokens, and there is nothing to explain. */
export interface Ending {
  readonly step: Step | 'done'
  readonly failure?: CatchdError
  readonly transcript?: Transcript | undefined
  /** What the authorization response contained beyond the standard. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
}

export interface ReportedLogin {
  readonly profile: string
  readonly redirectUri: string
  readonly origin: TokenSetOrigin
  /** The requests of the browser to the authorization server, as far as they are known. */
  readonly asked: readonly RecordedExchange[]
}

export function reportOf(parts: ReportParts, login: ReportedLogin, ending: Ending): LoginReport {
  const exchanges = [...login.asked, ...(ending.transcript?.exchanges ?? [])]
  const { step } = ending
  if (step === 'done') return { exchanges, causes: [] }
  const profile = unchangedProfile(parts, login)
  if (profile === undefined) return { exchanges, causes: [] }
  return {
    exchanges,
    causes: diagnose(factsOf(parts, profile, login.redirectUri, { ...ending, step }, exchanges)),
  }
}

/** The authorization request that catchd built, and its response. A request that another tool built is not known here. */
export function askedInBrowser(login: PendingLogin, ending: Ending): RecordedExchange[] {
  const { authorizationUrl } = login
  if (authorizationUrl === null) return []
  return [browserExchange(authorizationUrl, responseOf(ending), secretsOf(login))]
}

/** The secrets of an authorization request, which the server may repeat in its response. */
export function secretsOf({ state, codeVerifier, nonce }: PendingLogin): SentValues {
  return new SentValues().add(state, codeVerifier, nonce)
}

function responseOf({ step, failure }: Ending): Parameters<typeof browserExchange>[1] {
  if (step === 'no_response') return undefined
  if (step !== 'authorization') return { hasCode: true }
  return {
    hasCode: false,
    error: failure?.error,
    errorDescription: failure?.errorDescription,
    issuer: failure?.evidence?.issuer,
  }
}

/**
 * The failure of a login that could not begin, with its likely cause: there is no login that could have a report.
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
  // The only request that the server can refuse before a browser opens is a pushed one (RFC 9126).
  const step = thrown.code === 'provider_refused' ? 'authorization' : 'discovery'
  const facts = factsOf(parts, profile, redirectUri, { step, failure: thrown }, [])
  return advised(thrown.of(profile.name), diagnose(facts))
}

/** The failure of a refresh, or of a grant without a login, with its likely cause. `login_required` needs no more. */
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
  { step, failure, parameters }: Ending & { readonly step: Step },
  exchanges: readonly RecordedExchange[],
): Facts {
  const differences = exchanges.map(({ clockDifferenceSeconds }) => clockDifferenceSeconds)
  return {
    platform: 'linux',
    ...parts.machine,
    ...profileFacts(profile),
    metadata: parts.servers.published(profile),
    step,
    redirectUri,
    code: failure?.code,
    error: failure?.error,
    errorDescription: failure?.errorDescription,
    httpStatus: exchanges.at(-1)?.status ?? undefined,
    parameters,
    evidence: failure?.evidence,
    clockDifferenceSeconds: differences.findLast((difference) => difference !== null) ?? undefined,
  }
}

/** `undefined` when the profile was removed, or has another server or client now: it would explain nothing. */
function unchangedProfile(parts: ReportParts, { profile, origin }: ReportedLogin): Profile | undefined {
  try {
    return profileOfLogin(parts, profile, origin)
  } catch {
    return undefined
  }
}
