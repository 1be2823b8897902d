/** Causes at PKCE (RFC 7636): what the profile sends, what the server announces, and what its error says. Pure. */
import { usesRedirectUri } from '../config/grants.js'
import { type Cause, causesOf, type Facts, listed, register, set, words } from './facts.js'

/** Entra: AADSTS501481 (the verifier does not match), AADSTS9002325 (a challenge is required). */
const WORDS = /code[_ -]?(?:challenge|verifier)|\bPKCE\b|proof key|AADSTS(?:50148|501481|9002325)\d*/i
const UNSUPPORTED =
  /not (?:supported|enabled|allowed)|unsupported|unknown|unrecogni[sz]ed|unexpected|disabled/i

export function proofKeyCauses(facts: Facts): readonly Cause[] {
  const { step } = facts
  if (step !== 'authorization' && step !== 'token_request') return []
  return WORDS.test(words(facts)) ? causesOf(facts, methodNotAnnounced, refusedByServer) : []
}

/** A method that the server does not list, known before anything was sent. */
export function methodNotAnnounced({ profile, metadata }: Facts): Cause | undefined {
  const method = profile.code_challenge_method
  const supported = metadata?.code_challenge_methods_supported
  if (supported === undefined || !usesRedirectUri(profile)) return undefined
  const other = supported.includes('S256') ? 'S256' : supported.includes('plain') ? 'plain' : undefined
  if (other === undefined || supported.includes(method)) return undefined
  const isOff = method === 'none'
  return {
    cause: isOff ? 'pkce_required' : 'pkce_method',
    detail: isOff
      ? `PKCE is switched off in the profile, but the server announces ${listed(supported)}.`
      : `The profile uses the code challenge method ${method}, but the server announces ${listed(supported)}.`,
    fix: set(profile, 'code_challenge_method', other),
  }
}

function refusedByServer(facts: Facts): Cause {
  const { profile, preset, metadata, step } = facts
  const method = profile.code_challenge_method
  if (method === 'none') {
    return {
      cause: 'pkce_required',
      detail: 'The server requires a code challenge (PKCE), but the profile has PKCE switched off.',
      fix: set(profile, 'code_challenge_method', 'S256'),
    }
  }
  if (method === 'plain' && metadata?.code_challenge_methods_supported === undefined) {
    return {
      cause: 'pkce_method',
      detail: 'The profile uses the code challenge method plain, which this server does not seem to accept.',
      fix: set(profile, 'code_challenge_method', 'S256'),
    }
  }
  const isRefused = step === 'authorization' || UNSUPPORTED.test(words(facts))
  const hint = preset === undefined ? '' : ` ${preset.title}: ${preset.register}`
  return {
    cause: 'pkce_not_enabled',
    detail: `${
      isRefused
        ? `The server refuses the code challenge (${method}): PKCE is not switched on for the client.`
        : `The server did not accept the code verifier because it has no stored challenge of method ${method}. This happens if PKCE is not switched on for the client.`
    }${hint}`,
    fix: register(`PKCE with ${method}`),
  }
}
