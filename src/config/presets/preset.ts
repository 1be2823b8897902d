/**
 * What a row of the table of known authorization servers is, and what it says about registering there.
 *
 * Quirks are data in the terms of a profile; nothing in the program asks which server it talks to. Placeholders:
 * `{base}` is the profile's `base_url`, in a `redirect_uri` `{port}` and `{profile}` are the daemon's redirect port and
 * the profile's name, in the parameters of token requests `{scope}`, `{client_id}` and `{redirect_uri}` are those of
 * the profile.
 */
import type { ProfileEntry } from '../profile.js'

export type LoopbackHost = '127.0.0.1' | 'localhost' | '[::1]'

/** What the server says about redirect URIs on the loopback interface (RFC 8252 §7.3). */
export interface RedirectRule {
  /**
   * `exact`: compared as a string (RFC 9700 §2.1). `any_port`: registered without a port, and any is accepted.
   * `unregistered`: loopback needs no entry.
   */
  readonly match: 'exact' | 'any_port' | 'unregistered'
  /** Hosts that the vendor's documents rule out for plain http. */
  readonly refuses?: readonly LoopbackHost[]
  /** Where loopback is ruled out, what to do instead; a sentence. */
  readonly instead?: string
}

/** Where all else has to be https. */
export const LOCALHOST_ALONE: RedirectRule = {
  match: 'exact',
  refuses: ['127.0.0.1', '[::1]'],
  instead: 'Use localhost by that name.',
}

export interface Preset {
  readonly name: string
  readonly title: string
  /** The vendor's public document that the row was written from. */
  readonly source: string
  /** The day on which it was last compared. */
  readonly checked: string
  /** Kinds of client that the vendor registers (RFC 6749 §2.1); a confidential one has a secret. */
  readonly client: 'public' | 'confidential' | 'either'
  readonly redirect: RedirectRule
  /** What else to know when registering at the vendor; sentences. */
  readonly register: string
  readonly profile: ProfileEntry
}

/** Fills the placeholders of a preset's `redirect_uri`. */
export function presetRedirectUri(
  pattern: string,
  { port, profile }: { readonly port: number; readonly profile: string },
): string {
  return pattern.replace('{port}', String(port)).replace('{profile}', profile)
}
