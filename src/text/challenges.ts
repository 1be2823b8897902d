/**
 * Reads the challenges of `WWW-Authenticate` (RFC 9110 §11.6.1): which schemes a server offers, each with its own
 * parameters. Pure.
 *
 * Tolerates what servers send: several challenges in one field, parameters that a blank separates instead of a comma,
 * single quotes, and a quoted string without an end. A parameter belongs to the scheme before it, so text inside the
 * `realm` of another scheme is never a parameter.
 */

export interface Challenge {
  /** In lower case. */
  readonly scheme: string
  /** Names in lower case, in the order of the field. A name should occur once (§11.2), but some servers repeat it. */
  readonly parameters: readonly (readonly [name: string, value: string])[]
}

/** The schemes of access tokens (RFC 6750 §3, RFC 9449 §7.1). */
const ACCESS_TOKEN_SCHEMES: ReadonlySet<string> = new Set(['bearer', 'dpop'])

/** Longer fields are no challenges: servers limit all their header fields to less. */
const LONGEST_FIELD = 64 * 1024

const BETWEEN = /[\s,]*/y
/** `token BWS "=" BWS`, but not a token68 with its padding. */
const NAME = /([!#$%&'*+.^_`|~\w-]+)[ \t]*=(?!=*[ \t]*(?:,|$))[ \t]*/y
const VALUE = /"((?:[^"\\]|\\.)*)(?:"|\\?$)|'([^']*)'|([^\s,]*)/sy
/** At the beginning or behind a comma. */
const SCHEME = /([!#$%&'*+.^_`|~\w-]+)(?=[\s,]|$)/y
/** Where the comma before it is missing: only in front of a parameter. Other words belong to a value without quotes. */
const RUN_ON_SCHEME = /([!#$%&'*+.^_`|~\w-]+)(?=\s+[!#$%&'*+.^_`|~\w-]+[ \t]*=)/y
/** A token68 (§11.2), and whatever else is no parameter. */
const OTHER = /[^\s,]+/y

/** @param field - The value of the field; several fields joined with a comma. `undefined`: no field. */
export function parseChallenges(field: string | undefined): Challenge[] {
  if (field === undefined || field.length > LONGEST_FIELD) return []
  const challenges: { scheme: string; parameters: [string, string][] }[] = []
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const match = pattern.exec(field)
    if (match !== null) at = pattern.lastIndex
    return match
  }
  let between = ','
  for (take(BETWEEN); at < field.length; between = take(BETWEEN)?.[0] ?? '') {
    const name = take(NAME)?.[1]
    if (name !== undefined) {
      const [, quoted, single, token = ''] = take(VALUE) ?? []
      const value = quoted?.replaceAll(/\\(.)/gs, '$1') ?? single ?? token
      challenges.at(-1)?.parameters.push([name.toLowerCase(), value])
      continue
    }
    const scheme = take(between.includes(',') ? SCHEME : RUN_ON_SCHEME)?.[1]
    if (scheme === undefined) take(OTHER)
    else challenges.push({ scheme: scheme.toLowerCase(), parameters: [] })
  }
  return challenges
}

/** The challenges for an access token (Bearer, DPoP), in the order of the field. */
export function tokenChallenges(field: string | undefined): Challenge[] {
  return parseChallenges(field).filter(({ scheme }) => ACCESS_TOKEN_SCHEMES.has(scheme))
}

/**
 * The values of a parameter in the challenges for an access token (Bearer, DPoP), in the order of the field.
 *
 * @param name - In lower case.
 */
export function tokenChallengeValues(field: string | undefined, name: string): string[] {
  return tokenChallenges(field).flatMap(({ parameters }) =>
    parameters.filter(([key]) => key === name).map(([, value]) => value),
  )
}

/** Whether the server wants a nonce in the DPoP proof (RFC 9449 §9). */
export function asksForNonce(field: string | undefined): boolean {
  return tokenChallengeValues(field, 'error').includes('use_dpop_nonce')
}
