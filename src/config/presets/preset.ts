/**
 * A row of the table of known authorization servers, and what it says about registering there.
 *
 * Special settings are data: they are keys of a profile. No code checks which server it uses. Placeholders:
 * `{base}` is the profile's `base_url`, in URLs, in `authorization_parameters`, and in `hosts` its host; in a `redirect_uri` `{port}` and
 * `{profile}` are the daemon's redirect port and the profile's name; those in parameters are in placeholders.ts.
 */
import type { ProfileEntry } from '../profile.js'

export type LoopbackHost = '127.0.0.1' | 'localhost' | '[::1]'

/** What the server says about redirect URIs on the loopback interface (RFC 8252 §7.3). By default `exact`. */
export interface RedirectRule {
  /**
   * `exact`: compared as a string (RFC 9700 §2.1). `any_port`: registered without a port, and any is accepted.
   * `unregistered`: loopback needs no entry.
   */
  readonly match: 'exact' | 'any_port' | 'unregistered'
  /** Hosts that the vendor's documents do not allow with plain http. */
  readonly refuses?: readonly LoopbackHost[]
  /** What to do if loopback is not allowed; a sentence. */
  readonly instead?: string
}

/** Plain http is allowed for this host only. */
export const LOCALHOST_ALONE: RedirectRule = {
  match: 'exact',
  refuses: ['127.0.0.1', '[::1]'],
  instead: 'Use the name localhost.',
}

export interface Preset {
  readonly name: string
  readonly title: string
  /** The vendor's public document that the row was written from. */
  readonly source: string
  /** The day when the row was last compared with the document. */
  readonly checked: string
  /** Kinds of client that the vendor registers (RFC 6749 §2.1); a confidential one has a secret. */
  readonly client: 'public' | 'confidential' | 'either'
  readonly redirect: RedirectRule
  /** What else to know when registering at the vendor; sentences. */
  readonly register: string
  /** What a person gives as base_url; words in capitals come from the vendor. */
  readonly base?: string
  /** What a person may give as scope. The vendor shows an error page for a login without one. */
  readonly scope?: string
  /** Options of `catchd profile add` that every profile at this vendor needs; words in capitals come from the vendor. */
  readonly options?: string
  readonly profile: ProfileEntry
}

type PresetRow = Omit<Preset, 'checked' | 'redirect'> & Partial<Preset>

/** Plain http is not allowed at all, not even on the loopback interface. */
export const HTTPS_ALONE: RedirectRule = {
  match: 'exact',
  refuses: ['127.0.0.1', 'localhost', '[::1]'],
  instead:
    'Set redirect_uri to an https address that leads to this machine (a tunnel). Set listen to the loopback host:port at the end of the tunnel.',
}

/** Rows that name no day were compared on this one. */
const CHECKED = '2026-11-23'

export function presets(rows: readonly PresetRow[]): readonly Preset[] {
  return rows.map((row) => ({ checked: CHECKED, redirect: { match: 'exact' }, ...row }))
}
