/** Issuer identifiers: compared letter by letter (RFC 8414 §3.3, RFC 9207 §2.4). Pure. */
import { type Cause, type Facts, listed, run, set } from './facts.js'

/**
 * Only what the server publishes at the address of the profile's own issuer, or an `iss` that differs by its spelling,
 * is offered to be set: an `iss` that a browser brought may be another server's (mix-up, RFC 9700 §4.4).
 */
export function issuerCauses({ profile, code, evidence, metadata }: Facts): Cause[] {
  const expected = profile.issuer ?? metadata?.issuer
  const other = evidence?.issuer
  if (code !== 'issuer_mismatch' || other === undefined || expected === undefined) return []
  const difference = spellingDifference(expected, other)
  const named = listed([other])
  if (difference === undefined && evidence?.issuerFrom !== 'metadata') {
    return [
      {
        cause: 'foreign_response',
        detail: `The response names ${named}: the browser came from another server than ${expected}, by an old tab or by somebody's intent.`,
        fix: run(`catchd login ${profile.name}`),
      },
    ]
  }
  const why =
    difference === undefined
      ? `At the address of ${expected} the server calls itself ${named}.`
      : `The server calls itself ${named}, and the profile says ${expected}: ${difference} makes two issuers of them.`
  return [{ cause: 'issuer_mismatch', detail: why, fix: set(profile, 'issuer', named) }]
}

function spellingDifference(expected: string, other: string): string | undefined {
  const bare = (text: string) => text.replace(/\/+$/, '')
  const withoutScheme = (text: string) => bare(text).replace(/^https?:/i, '')
  if (bare(expected) === bare(other)) return 'a slash at the end'
  if (withoutScheme(expected) === withoutScheme(other)) return 'http instead of https'
  if (bare(expected).toLowerCase() === bare(other).toLowerCase()) return 'a capital letter'
  return undefined
}
