/**
 * From facts about a step that went wrong to the likely causes, the likeliest first, each with one fix.
 *
 * Pure. A rule speaks only where facts speak for it: where nothing is known, the list is empty. The order is from what
 * explains everything else (no way to the server, a wrong clock) to what was refused in particular.
 */
import { clientCauses } from './client.js'
import { clockCauses } from './clock.js'
import { connectionCauses } from './connection.js'
import type { Cause, Facts, Rule } from './facts.js'
import { issuerCauses } from './issuer.js'
import { proofKeyCauses } from './proof-key.js'
import { redirectUriCauses } from './redirect-uri.js'
import { responseCauses } from './response.js'
import { scopeCauses } from './scopes.js'

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

/** Nobody reads further. */
const MOST_CAUSES = 5

export function diagnose(facts: Facts): Cause[] {
  return once(RULES.flatMap((rule) => rule(facts))).slice(0, MOST_CAUSES)
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
