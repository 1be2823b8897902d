/** The types of a credential helper: a tool's request on stdin or in the environment, and our answer on stdout. */
import type { CatchdError } from '../../failures.js'
import type { AnyTokenAnswer } from '../../fast-path/token-format.js'

/** An access token, or an id_token if requested, and its profile. */
export interface FoundToken {
  readonly profile: string
  readonly token: AnyTokenAnswer
}

/** Gives helpers their tokens: of the named profile, or of the profile whose `hosts` include the requested host. */
export interface TokenSource {
  /**
   * @param asked - The host or URL in the tool's request.
   * @returns `undefined` if no profile has that host, or no token may go there. @throws CatchdError `login_required`, …
   */
  forHost(asked: string, user?: string): Promise<FoundToken | undefined>
  /** @throws CatchdError `request_invalid` without `--profile`, `login_required`, … */
  ofProfile(): Promise<FoundToken>
  /** Every host in the configuration, with its profile. */
  hosts(): Promise<ReadonlyMap<string, string>>
  /** The user name that goes with the token of the profile where a tool sends it as a password. */
  username(profile: string): Promise<string>
  /**
   * A server refused the token. The daemon refreshes it, unless it has already been replaced.
   *
   * @returns `undefined` if there is no other token: servers refuse new ones too. @throws CatchdError `login_required`, …
   */
  insteadOf(profile: string, refused: string): Promise<FoundToken | undefined>
}

export interface CredentialRequest {
  readonly operation: string
  /** stdin, without a last line end. */
  readonly input: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Arguments after the operation. */
  readonly words: readonly string[]
  /** `--user`: the user name to send with the token, if the protocol needs one. */
  readonly user: string | undefined
  /** The given options of this tool, by name. */
  readonly settings: Readonly<Record<string, string | undefined>>
  readonly tokens: TokenSource
}

export interface CredentialAnswer {
  readonly stdout: string
  readonly exitCode?: number
  /** A message for the user, on stderr. */
  readonly note?: string | undefined
  /** A failure that is printed on stderr with its exit code, after the protocol's text on stdout. */
  readonly failure?: CatchdError
}

export interface CredentialTool {
  readonly summary: string
  /** For a tool with several operations, in addition to the default `get`. */
  readonly operations?: readonly string[]
  /** Whether the tool writes its request to stdin. */
  readonly readsInput?: true | ((words: readonly string[]) => boolean)
  /** The text that ends the request, for a tool that may keep the pipe open. */
  readonly inputEnd?: RegExp
  /**
   * For a tool that keeps each answer and asks the same question again only after a server refused the token: the question.
   * Other tools ask again for each process, image or connection, so that asking again says nothing (docs/tools/README.md).
   */
  readonly asksAgainIfRefused?: (asked: Pick<CredentialRequest, 'input' | 'environment'>) => string
  /** Whether the tool can use an id_token. It then has the option `--id-token`. */
  readonly takesIdToken?: true
  /** Options of this tool only, by name. */
  readonly settings?: Readonly<Record<string, { readonly value: string; readonly meaning: string }>>
  answer(request: CredentialRequest): Promise<CredentialAnswer>
}

export const NOTHING: CredentialAnswer = { stdout: '' }

export function json(value: unknown): CredentialAnswer {
  return { stdout: `${JSON.stringify(value)}\n` }
}

/** Seconds since the Unix epoch. */
export function expiryInSeconds(token: AnyTokenAnswer): number | undefined {
  return token.expires_at === null ? undefined : Math.floor(Date.parse(token.expires_at) / 1000)
}
