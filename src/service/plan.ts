/**
 * The plan that makes catchd a service of one user: the files to write, and the commands to switch it on and off. Pure.
 * One file per platform makes the plan, and src/cli/service.ts carries it out.
 */

export interface ServiceSetup {
  /** Absolute paths of Node.js and of the program. */
  readonly node: string
  readonly program: string
  readonly homeFolder: string
  /** `$XDG_CONFIG_HOME`, if it is absolute. */
  readonly configHome: string | undefined
  readonly userId: number
  readonly socketPath: string
  /** 0: no TCP listener. */
  readonly apiPort: number
  readonly redirectPort: number
  /** Variables for the daemon in addition to those of the session. */
  readonly environment: Readonly<Record<string, string>>
}

export interface ServiceFile {
  readonly path: string
  readonly content: string
  /** Default utf8. */
  readonly encoding?: 'utf16le' | undefined
}

export interface ServicePlan {
  /** The platform's name for the service, for messages. */
  readonly kind: 'systemd user service' | 'launchd agent' | 'scheduled task'
  readonly files: readonly ServiceFile[]
  /** Run in order after the files are written. The first failure stops the installation. */
  readonly enable: readonly Command[]
  /** Run before the files are removed. Failures are ignored. */
  readonly disable: readonly Command[]
  /** Run after the files are removed. */
  readonly afterRemoval: readonly Command[]
  /** Its exit code is 0 if the service is switched on. */
  readonly query: Command
}

/** Escapes text for XML content (XML 1.0 §2.4). */
export function xmlText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

export type Command = readonly [program: string, ...args: string[]]

/** Variables that the service keeps: the settings of catchd, the path of commands, and the settings of the network. */
const KEPT =
  /^(?:CATCHD_(?!API_KEY$|URL$)\w+|PATH|(?:https?|no|all)_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)$/i

/** @returns The variables that a service would not have otherwise, without values that contain a line break. */
export function environmentToKeep(environment: NodeJS.ProcessEnv): Record<string, string> {
  const kept = Object.entries(environment).filter(
    (entry): entry is [string, string] =>
      KEPT.test(entry[0]) && entry[1] !== undefined && entry[1] !== '' && !/[\r\n\0]/.test(entry[1]),
  )
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)))
}
