/**
 * Finds the likely causes of a failed step from its facts. The most likely cause comes first; each has one fix.
 *
 * Pure. A rule returns a cause only if facts support it, so the list is empty if nothing is known. General causes (no
 * connection to the server, a wrong clock) come before specific ones, because they can explain the specific ones.
 */
import { clientCauses } from './client.js'
import { clockCause } from './clock.js'
import { connectionCauses } from './connection.js'
import { entraCause } from './entra.js'
import { type Cause, causesOf, type Facts, type Rule } from './facts.js'
import { issuerCause } from './issuer.js'
import { knownRefusals } from './known-refusals.js'
import { proofKeyCauses } from './proof-key.js'
import { redirectUriCauses } from './redirect-uri.js'
import { responseCause } from './response.js'
import { scopeCauses } from './scopes.js'
import { tokenTypeCause } from './token-type.js'

const RULES: readonly Rule[] = [
  connectionCauses,
  clockCause,
  knownRefusals,
  entraCause,
  issuerCause,
  redirectUriCauses,
  responseCause,
  tokenTypeCause,
  proofKeyCauses,
  scopeCauses,
  clientCauses,
]

/** Users do not read a longer list. */
const MOST_CAUSES = 5

export function diagnose(facts: Facts): Cause[] {
  return once(causesOf(facts, ...RULES)).slice(0, MOST_CAUSES)
}

/** Removes causes with the same fix. The first one stays: rules with more knowledge come first. */
function once(causes: readonly Cause[]): Cause[] {
  const fixes = new Set<string>()
  return causes.filter(({ fix }) => {
    const key = JSON.stringify(fix)
    if (fixes.has(key)) return false
    fixes.add(key)
    return true
  })
}
