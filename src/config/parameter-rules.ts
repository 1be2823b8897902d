/**
 * The rules for what a profile adds to requests, replaces in them and leaves out: its parameters, and the names that its
 * server has for those of the standard.
 *
 * Pure. Part of rules.ts. placeholders.ts says what a placeholder is.
 */
import { isPlaceholder, PLACEHOLDER_NAMES, placeholdersIn, SECRET_PLACEHOLDERS } from './placeholders.js'
import type { Profile, ProfileEntry } from './profile.js'
import { didYouMean } from './suggestion.js'

/** The key that breaks a rule, and the end of a sentence that begins with that key. */
export type Rule = (profile: Profile) => [key: keyof ProfileEntry, rule: string] | undefined

/** Keys with placeholders, and the placeholders that each may have. */
const TEMPLATES = {
  // The browser shows what is in this request.
  authorization_parameters: PLACEHOLDER_NAMES.filter((name) => !SECRET_PLACEHOLDERS.includes(name)),
  token_parameters: PLACEHOLDER_NAMES,
  refresh_parameters: PLACEHOLDER_NAMES,
} as const

const TEMPLATE_KEYS = Object.keys(TEMPLATES) as (keyof typeof TEMPLATES)[]

function placeholders(profile: Profile): ReturnType<Rule> {
  for (const key of TEMPLATE_KEYS) {
    const known: readonly string[] = TEMPLATES[key]
    const used = Object.values(profile[key] ?? {}).flatMap(placeholdersIn)
    const unknown = used.find((name) => !known.includes(name))
    if (unknown === undefined) continue
    if (PLACEHOLDER_NAMES.some((name) => name === unknown))
      return [key, `must not have {${unknown}}, because the browser shows this request.`]
    const meant = didYouMean(unknown, known)
    const help = meant === undefined ? '' : ` Did you mean {${meant}}?`
    return [
      key,
      `has an unknown placeholder {${unknown}}.${help} For this text itself, write {{${unknown}}}.`,
    ]
  }
  return undefined
}

const RESPONSE_PARAMETERS = ['state', 'iss', 'error', 'error_description', 'error_uri', 'response']

function codeParameter({ code_parameter: name, state_echo }: Profile): ReturnType<Rule> {
  if (RESPONSE_PARAMETERS.includes(name))
    return ['code_parameter', `must not be ${name}, which has another meaning in an authorization response.`]
  return name === 'code' || state_echo ? undefined : ['code_parameter', 'works only with state_echo true.']
}

const TOKEN_REQUEST = ['client_secret', 'code', 'code_verifier', 'redirect_uri', 'refresh_token']

/** Parameters that catchd sets in each request. A fixed value would undo what they protect (RFC 6749 §4.1.1, RFC 7636 §4.3). */
const OWN_PARAMETERS = {
  authorization_parameters: [
    'client_id',
    'client_secret',
    'redirect_uri',
    'state',
    'nonce',
    'code_challenge',
    'code_challenge_method',
    'code_verifier',
  ],
  token_parameters: TOKEN_REQUEST,
  // GitLab compares the redirect URI again.
  refresh_parameters: TOKEN_REQUEST.filter((name) => name !== 'redirect_uri'),
} satisfies { readonly [Key in keyof typeof TEMPLATES]: readonly string[] }

function ownParameters(profile: Profile): ReturnType<Rule> {
  for (const key of TEMPLATE_KEYS) {
    const given = Object.entries(profile[key] ?? {})
    const fixed = given.filter(([, value]) => value !== '' && !isPlaceholder(value)).map(([name]) => name)
    const names = key === 'authorization_parameters' ? given.map(([name]) => name) : fixed
    const own = OWN_PARAMETERS[key].find((name) => names.includes(name))
    if (own === undefined) continue
    return [
      key,
      `must not name ${own}: ${own === 'client_secret' ? 'use the key client_secret.' : 'each request sets its own.'}`,
    ]
  }
  return undefined
}

/** What proves that the request comes from this login. The server must get it, under whatever name. */
const PROOFS = SECRET_PLACEHOLDERS.filter((name) => name !== 'client_secret')

function leftOutProofs({ token_parameters, refresh_parameters = {} }: Profile): ReturnType<Rule> {
  const values = [...Object.values(token_parameters), ...Object.values(refresh_parameters)]
  for (const [key, given] of Object.entries({ token_parameters, refresh_parameters })) {
    const left = PROOFS.find(
      (name) => given[name] === '' && !values.some((value) => value.includes(`{${name}}`)),
    )
    if (left === undefined) continue
    return [
      key as keyof ProfileEntry,
      `must not leave out ${left}, unless another parameter has the value {${left}}.`,
    ]
  }
  return undefined
}

export const PARAMETER_RULES: readonly Rule[] = [placeholders, ownParameters, leftOutProofs, codeParameter]
