/**
 * What makes catchd a service of one user: the files to write and the commands that switch it on and off. Pure: each
 * platform has a file that makes such a plan, and src/cli/service.ts carries it out.
 */

export interface ServiceSetup {
  /** Absolute paths of Node.js and of the program. */
  readonly node: string
  readonly program: string
  readonly homeFolder: string
  /** `$XDG_CONFIG_HOME`, where it is absolute. */
  readonly configHome: string | undefined
  readonly userId: number
  readonly socketPath: string
  /** 0: there is none. */
  readonly apiPort: number
  readonly redirectPort: number
  /** What the daemon gets beside the session's own variables. */
  readonly environment: Readonly<Record<string, string>>
}

export interface ServiceFile {
  readonly path: string
  readonly content: string
  /** Default utf8. */
  readonly encoding?: 'utf16le' | undefined
}

export interface ServicePlan {
  /** What it is called here, for messages. */
  readonly kind: 'systemd user service' | 'launchd agent' | 'scheduled task'
  readonly files: readonly ServiceFile[]
  /** Run one after the other when the files are there; the first that fails ends it. */
  readonly enable: readonly Command[]
  /** Run before the files are removed; what fails is passed over. */
  readonly disable: readonly Command[]
  /** Run when the files are gone. */
  readonly afterRemoval: readonly Command[]
  /** Ends with 0 when it is switched on. */
  readonly query: Command
}

export type Command = readonly [program: string, ...args: string[]]

/** Whose value is handed on: how catchd is set up, where commands are found, and how this network is left. */
const HANDED_ON =
  /^(?:CATCHD_(?!API_KEY$|URL$)\w+|PATH|(?:https?|no|all)_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)$/i

/** @returns The variables that a service would not have by itself; none with a line break, which no format takes. */
export function environmentToKeep(environment: NodeJS.ProcessEnv): Record<string, string> {
  const kept = Object.entries(environment).filter(
    (entry): entry is [string, string] =>
      HANDED_ON.test(entry[0]) && entry[1] !== undefined && entry[1] !== '' && !/[\r\n\0]/.test(entry[1]),
  )
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)))
}
