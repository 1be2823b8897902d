/**
 * Reads the client secret from its source when a request needs it. The secret is not kept afterwards.
 *
 * Messages name the source, never its content. The stderr of a command is not shown, because it may quote the secret.
 */
import { type ExecFileException, execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { CatchdError } from '../failures.js'
import { readSecretFile, SECRET_FILE } from '../files/named-file.js'
import { systemCode } from '../files/whole-files.js'
import { Secret } from '../secret.js'
import { itemName, type Vault } from '../vault/vault.js'
import type { Profile } from './profile.js'
import { setSecretCommand } from './secret-source.js'

/** Reads a profile's client secret when it is needed. `undefined` if the profile has none. */
export type ClientSecrets = (profile: Profile) => Promise<Secret | undefined>

const COMMAND_DEADLINE_MS = 10_000

export interface ClientSecretParts {
  readonly vault: Vault
  /** The daemon's environment, which commands also get. */
  readonly environment: NodeJS.ProcessEnv
  readonly commandDeadlineMs?: number
}

/**
 * The returned function throws CatchdError `profile_invalid`, naming the fix, when the secret is missing or cannot be
 * read. For a secret in the vault it also throws the codes of the vault.
 */
export function createClientSecrets(parts: ClientSecretParts): ClientSecrets {
  return async (profile) => {
    const source = profile.client_secret
    if (source === undefined) {
      if (profile.token_endpoint_auth_method.startsWith('client_secret_')) {
        throw missing(
          profile,
          `${profile.token_endpoint_auth_method} needs a client_secret, but the profile has none.`,
        )
      }
      return undefined
    }
    if (typeof source === 'string') return new Secret(source)
    if ('keychain' in source) return fromVault(profile, parts.vault)
    if ('env' in source) return fromEnvironment(profile, source.env, parts.environment)
    if ('file' in source) return fromFile(profile, source.file)
    return fromCommand(profile, source.command, parts)
  }
}

async function fromVault(profile: Profile, vault: Vault): Promise<Secret> {
  const owner = profile.client_secret_of ?? profile.name
  const secret = await vault.get(itemName.clientSecret(owner))
  if (secret === undefined) throw missing(profile, `${whose(profile)} is not in the vault.`)
  return secret
}

function fromEnvironment(profile: Profile, name: string, environment: NodeJS.ProcessEnv): Secret {
  const value = environment[name]
  if (value === undefined || value === '')
    throw missing(
      profile,
      `the daemon was started without the environment variable ${name}. Set it and restart the daemon, or store the secret in the vault.`,
    )
  return new Secret(value)
}

async function fromFile(profile: Profile, path: string): Promise<Secret> {
  return new Secret(
    await readSecretFile(path, ({ cause, fix }) =>
      missing(profile, `its client_secret file ${path} ${cause}`, fix),
    ),
  )
}

/** No shell. The error of execFile quotes stderr, so only its kind is passed on. */
async function fromCommand(
  profile: Profile,
  [program = '', ...args]: readonly string[],
  { environment, commandDeadlineMs: timeout = COMMAND_DEADLINE_MS }: ClientSecretParts,
): Promise<Secret> {
  const refused = (how: string) => missing(profile, `its client_secret command ${how}`)
  if (program === '') throw refused('names no program.')
  const options = {
    env: environment,
    timeout,
    killSignal: 'SIGKILL',
    maxBuffer: SECRET_FILE.largestKiB * 1024,
  } as const
  let output: string
  try {
    const running = promisify(execFile)(program, args, { ...options, windowsHide: true })
    // A program that asks for a password must not wait for one.
    running.child.stdin?.on('error', () => {}).end()
    output = (await running).stdout
  } catch (error) {
    const { code, killed, signal } = error as ExecFileException
    if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') throw refused('printed more than 64 KiB.')
    if (killed === true) throw refused(`took longer than ${Math.ceil(timeout / 1000)} seconds.`)
    if (typeof code === 'number') throw refused(`ended with exit code ${code}.`)
    throw refused(`could not be run (${signal ?? systemCode(error)}).`)
  }
  const secret = output.trim()
  if (secret === '') throw refused('printed nothing.')
  return new Secret(secret)
}

/** A profile that only others extend cannot be used itself, so the command names the heir. */
function whose({ client_secret_of: owner }: Profile): string {
  return owner === undefined ? 'its client_secret' : `the client_secret of profile "${owner}", which it uses,`
}

function missing(profile: Profile, cause: string, next = setSecretCommand(profile.name)): CatchdError {
  return new CatchdError('profile_invalid', {
    detail: `Profile "${profile.name}" cannot authenticate: ${cause}`,
    profile: profile.name,
    next,
  })
}
