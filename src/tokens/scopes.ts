/**
 * Scopes of stored tokens: whether they cover what a caller needs, and what a step-up login asks for. Pure.
 *
 * Scopes are compared as sets of case-sensitive names (RFC 6749 §3.3). What the server did not say was granted as asked
 * (§5.1); a token set without a scope covers none, because nothing is known about it.
 */
import { needsNoPerson } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { scopeNames, scopeSet } from '../text/scopes.js'
import { shellWord } from '../text/shell-word.js'
import type { TokenSet } from './token-set.js'

/** What is needed of a profile here. */
export type ScopedProfile = Pick<Profile, 'name' | 'grant' | 'scope' | 'scope_separator'>

/** The asked scopes that the token set does not have, in the order in which they were asked for. */
export function missingScopes(profile: ScopedProfile, set: Pick<TokenSet, 'scope'>, asked: string): string[] {
  const has = new Set(namesIn(profile, set.scope))
  return namesIn(profile, asked).filter((name) => !has.has(name))
}

/**
 * The scope of a login after which the token covers `asked` too, separated by spaces. A login replaces the token set, so it
 * asks again for all that the profile names and the stored token has.
 */
export function widenedScope(
  profile: ScopedProfile,
  set: Pick<TokenSet, 'scope'> | null,
  asked: string,
): string {
  const names = [profile.scope, set?.scope, asked].flatMap((scope) => namesIn(profile, scope))
  return scopeSet(...names)
}

/** @throws CatchdError `scope_insufficient`, naming the missing scopes */
export function requireScopes(profile: ScopedProfile, set: Pick<TokenSet, 'scope'>, asked: string): void {
  const missing = missingScopes(profile, set, asked)
  if (missing.length > 0) throw scopeInsufficient(profile, missing)
}

export function scopeInsufficient(profile: ScopedProfile, missing: readonly string[]): CatchdError {
  const { name, grant } = profile
  const names = missing.join(' ')
  const lacks = `The token of '${name}' does not have ${names}.`
  if (!needsNoPerson(grant)) {
    const next = `catchd token ${name} --scope ${shellWord(names)} --login`
    return new CatchdError('scope_insufficient', { profile: name, detail: lacks, next, members: { missing } })
  }
  // Nobody is asked for consent, so what the profile names is the limit.
  const isInProfile = missingScopes(profile, { scope: profile.scope ?? null }, names).length === 0
  return new CatchdError('scope_insufficient', {
    profile: name,
    detail: isInProfile
      ? `${lacks} The profile names it now, so a new token may have it.`
      : `${lacks} catchd gets tokens of this profile without a login, so it asks only for the scope of the profile.`,
    next: isInProfile ? `catchd refresh ${name}` : `catchd profile edit ${name}`,
    members: { missing },
  })
}

function namesIn({ scope_separator }: ScopedProfile, scope: string | null | undefined): string[] {
  return scopeNames(scope, scope_separator)
}
