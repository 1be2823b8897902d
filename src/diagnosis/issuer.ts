/** Causes at the issuer identifier, which is compared character by character (RFC 8414 §3.3, RFC 9207 §2.4). Pure. */
import { isIssuerTemplate } from '../authorization-server/metadata-document.js'
import { serverUrlRule } from '../config/rules.js'
import { type Cause, type Facts, type Fix, listed, run, set } from './facts.js'

/**
 * Proposes a new `issuer` only if the server publishes it at the address of the profile's issuer, or if the `iss` of a
 * response differs only in spelling. Any other `iss` in a response may belong to another server (mix-up, RFC 9700 §4.4).
 */
export function issuerCause({ profile, code, evidence, metadata }: Facts): Cause | undefined {
  const expected = profile.issuer ?? metadata?.issuer
  const other = evidence?.issuer
  if (code !== 'issuer_mismatch' || other === undefined || expected === undefined) return undefined
  const difference = spellingDifference(expected, other)
  const named = listed([other])
  if (difference === undefined && evidence?.issuerFrom !== 'metadata') {
    return {
      cause: 'foreign_response',
      detail: `The response names the issuer ${named}, so it comes from another server than ${expected}. The cause is an old browser tab or an attack.`,
      fix: run(`catchd login ${profile.name}`),
    }
  }
  const why =
    difference === undefined
      ? `The server at ${expected} calls itself ${named}.`
      : `The server calls itself ${named}, but the profile says ${expected}. The difference is ${difference}, which makes them two different issuers.`
  const { advice, fix } = adviceFor(profile, expected, other)
  return { cause: 'issuer_mismatch', detail: `${why}${advice}`, fix }
}

/** Microsoft's clouds. Below `common` and `organizations`, no metadata has the issuer of the tokens. */
const ENTRA = /^https:\/\/login\.(?:microsoftonline\.(?:com|us)|partner\.microsoftonline\.cn)\/[^/?#]+/

/** What to set instead of an issuer that differs. A name that no profile can have is not proposed. */
function adviceFor(profile: Facts['profile'], expected: string, other: string): { advice: string; fix: Fix } {
  const isTemplate = isIssuerTemplate(other)
  const isWritable = /^[\x21-\x7e]{1,512}$/.test(other) && serverUrlRule(other, 'issuer') === undefined
  if (!isTemplate && isWritable) {
    return { advice: '', fix: set(profile, 'issuer', other) }
  }
  const edit = run(`catchd profile edit ${profile.name}`)
  const [entra] = ENTRA.exec(expected) ?? []
  if (isTemplate && entra !== undefined) {
    const settings = `"preset": "entra", "base_url": ${JSON.stringify(entra)}`
    return {
      advice:
        ' That is a template, because several tenants log in there. Remove issuer, and remove openid from the scope. Or keep both, and set issuer to the issuer of your tenant.',
      fix: { ...edit, set: settings },
    }
  }
  const rule = isTemplate
    ? 'That is a template. issuer must be the issuer of one tenant.'
    : 'catchd does not accept such an issuer.'
  return { advice: ` ${rule} Remove issuer, and set authorization_endpoint and token_endpoint.`, fix: edit }
}

function spellingDifference(expected: string, other: string): string | undefined {
  const bare = (text: string) => text.replace(/\/+$/, '')
  const withoutScheme = (text: string) => bare(text).replace(/^https?:/i, '')
  if (bare(expected) === bare(other)) return 'a slash at the end'
  if (withoutScheme(expected) === withoutScheme(other)) return 'http instead of https'
  if (bare(expected).toLowerCase() === bare(other).toLowerCase()) return 'a capital letter'
  return undefined
}
