/** What a credential helper is here: a tool's question on stdin or in its environment, our answer on stdout. */

import type { CatchdError } from '../../failures.js'
import type { AnyTokenAnswer } from '../token-format.js'

/** An access token, or an id_token where that was asked for, and whose it is. */
export interface FoundToken {
  readonly profile: string
  readonly token: AnyTokenAnswer
}

/** Where helpers get tokens: the profile that was named, or the one whose `hosts` name the asked host. */
export interface TokenSource {
  /** @returns `undefined` when no profile is for that host. @throws CatchdError `login_required`, … */
  forHost(host: string, user?: string): Promise<FoundToken | undefined>
  /** @throws CatchdError `request_invalid` without `--profile`, `login_required`, … */
  ofProfile(): Promise<FoundToken>
  /** Every host that a profile names, without its token. */
  hosts(): Promise<ReadonlyMap<string, string>>
  /** The token was refused where it was used: get a new one, unless that has happened since. */
  refused(profile: string, token: string): Promise<void>
}

export interface CredentialRequest {
  readonly operation: string
  /** stdin, without a last line end. */
  readonly input: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Arguments after the operation. */
  readonly words: readonly string[]
  /** `--user`: the name that goes with the token where the protocol wants one. */
  readonly user: string | undefined
  /** The tool's own options by name, as far as they were given. */
  readonly settings: Readonly<Record<string, string | undefined>>
  readonly tokens: TokenSource
}

export interface CredentialAnswer {
  readonly stdout: string
  readonly exitCode?: number
  /** For a person, on stderr. */
  readonly note?: string | undefined
  /** Told on stderr like any other, with its exit code, where the protocol wants something on stdout before. */
  readonly failure?: CatchdError
}

export interface CredentialTool {
  readonly summary: string
  /** The first is meant when none is named. */
  readonly operations: readonly string[]
  /** Whether the tool writes its question to stdin. */
  readonly readsInput: boolean
  /** What ends the question where the tool may keep its end of the pipe open. */
  readonly inputEnd?: string
  /** Whether an id_token is of use to the tool: it then has the option `--id-token`. */
  readonly takesIdToken?: true
  /** Options of this tool alone, by name. */
  readonly settings?: Readonly<Record<string, { readonly value: string; readonly meaning: string }>>
  answer(request: CredentialRequest): Promise<CredentialAnswer>
}

/** What most servers take in place of a user name when the password is an access token. */
export const TOKEN_USER = 'oauth2'

export const NOTHING: CredentialAnswer = { stdout: '' }

export function json(value: unknown): CredentialAnswer {
  return { stdout: `${JSON.stringify(value)}\n` }
}

/** Seconds since the Unix epoch. */
export function expiryInSeconds(token: AnyTokenAnswer): number | undefined {
  return token.expires_at === null ? undefined : Math.floor(Date.parse(token.expires_at) / 1000)
}
