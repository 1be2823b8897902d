/**
 * From facts about a step that went wrong to the likely causes, the likeliest first, each with one fix.
 *
 * Pure. A rule speaks only where facts speak for it: where nothing is known, the list is empty. The order is from what
 * explains everything else (no way to the server, a wrong clock) to what was refused in particular.
 */
import { clientCauses, methodCauses, missingSecret } from './client.js'
import { clockCauses } from './clock.js'
import { connectionCauses } from './connection.js'
import type { Cause, Facts, Rule } from './facts.js'
import { issuerCauses } from './issuer.js'
import { methodNotAnnounced, proofKeyCauses } from './proof-key.js'
import { hostCauses, redirectUriCauses } from './redirect-uri.js'
import { grantNotAnnounced, modeNotAnnounced, responseCauses } from './response.js'
import { scopeCauses, unknownScopes } from './scopes.js'

const RULES: readonly Rule[] = [
  connectionCauses,
  clockCauses,
  issuerCauses,
  redirectUriCauses,
  responseCauses,
  proofKeyCauses,
  scopeCauses,
  clientCauses,
]

/** Where the profile contradicts what the server publishes or the preset says, before anything is sent. */
const CONTRADICTIONS: readonly Rule[] = [
  hostCauses,
  grantNotAnnounced,
  modeNotAnnounced,
  methodNotAnnounced,
  missingSecret,
  methodCauses,
  unknownScopes,
]

/** Nobody reads further. */
const MOST_CAUSES = 5

export function diagnose(facts: Facts): Cause[] {
  return once(RULES.flatMap((rule) => rule(facts))).slice(0, MOST_CAUSES)
}

/** What would go wrong, or may; some servers take what they do not announce. */
export function contradictions(facts: Facts): Cause[] {
  return once(CONTRADICTIONS.flatMap((rule) => rule(facts)))
}

/** The same fix twice is one cause, told by the rule that knows more. */
function once(causes: readonly Cause[]): Cause[] {
  const fixes = new Set<string>()
  return causes.filter(({ fix }) => {
    const key = JSON.stringify(fix)
    if (fixes.has(key)) return false
    fixes.add(key)
    return true
  })
}
