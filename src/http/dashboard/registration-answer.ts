/** What the page shows beside the form of a profile that is not saved yet. The page's script also uses this file. */

export interface RegistrationAnswer {
  /** Whether the name, which the redirect URI contains, is valid. */
  readonly named: boolean
  /** To register at the service; `null`: nothing has to be registered, or it is not known. */
  readonly redirect_uri: string | null
  /** Why the service does not accept the redirect URI. */
  readonly objection: string | null
  /** `null`: there is no such preset. */
  readonly preset: {
    readonly title: string
    readonly register: string
    readonly source: string
    readonly base_url: 'needed' | 'optional' | 'unused'
    readonly client: 'public' | 'confidential' | 'either'
    /** Options of `catchd profile add` that every profile with this preset needs. */
    readonly options: string | null
    /** The usual scope. */
    readonly scope: string | null
  } | null
}
