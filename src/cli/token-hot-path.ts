/**
 * `catchd token NAME` on the way that scripts take a thousand times: a fresh token from a running daemon, with
 * neither the command-line parser nor the schemas loaded.
 *
 * Anything unusual (an unknown flag, a suspicious environment, no daemon) is left to the long way, which says
 * properly what is wrong. Whatever this file accepts, the long way must accept too.
 */
import { CatchdClient } from '../client/client.js'
import { NothingListens } from '../client/transport.js'
import { printFailure } from './failure-output.js'
import { Interrupted, interruption } from './interruption.js'
import { isTokenFormat, type TokenFormat, tokenText } from './token-format.js'

export interface SimpleTokenCommand {
  readonly profile: string
  readonly format: TokenFormat
  readonly minTtl: number | undefined
}

/** @returns Whether the command is done; `false` sends the command line the long way, nothing was printed then. */
export async function printTokenDirectly(args: readonly string[]): Promise<boolean> {
  const command = readSimpleTokenCommand(args)
  if (command === undefined || !isPlainEnvironment(process.env)) return false
  try {
    const client = new CatchdClient({ signal: interruption() })
    const answer = await client.token(command.profile, { minTtl: command.minTtl })
    process.stdout.write(tokenText(answer, command.format))
  } catch (error) {
    if (error instanceof NothingListens) return false
    process.exitCode = error instanceof Interrupted ? error.exitCode : printFailure(error, false)
  }
  return true
}

/** @returns `undefined` for every command line that is not plainly understood. */
export function readSimpleTokenCommand(args: readonly string[]): SimpleTokenCommand | undefined {
  let profile: string | undefined
  let format: TokenFormat = 'raw'
  let minTtl: number | undefined
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index] ?? ''
    if (!word.startsWith('-') && word !== '' && profile === undefined) {
      profile = word
      continue
    }
    const value = args[index + 1] ?? ''
    if (word === '--format' && isTokenFormat(value)) format = value
    else if (word === '--min-ttl' && /^\d{1,9}$/.test(value)) minTtl = Number(value)
    else return undefined
    index += 1
  }
  return profile === undefined ? undefined : { profile, format, minTtl }
}

const PORT = /^(?:[1-5]?\d{1,4})$/

/** A part of what src/config/environment.ts accepts: what is outside goes the long way and is judged there. */
const PLAIN: ReadonlyMap<string, RegExp> = new Map([
  ['CATCHD_HOME', /^\//],
  ['CATCHD_API_PORT', PORT],
  ['CATCHD_REDIRECT_PORT', PORT],
  ['CATCHD_VAULT', /^(?:auto|keychain|file|memory)$/],
  ['CATCHD_VAULT_PASSPHRASE_FILE', /^\//],
  ['CATCHD_BROWSER', /^/],
  ['CATCHD_LOG_LEVEL', /^(?:trace|debug|info|warn|error|fatal|silent)$/],
  ['CATCHD_LOGIN_TIMEOUT_SECONDS', /^[1-9]\d{1,2}$/],
  ['CATCHD_API_KEY', /^[\x21-\x7e]+$/],
  ['CATCHD_URL', /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):[1-5]?\d{1,4}$/],
])

/** Whether every `CATCHD_*` variable is well known and plainly good. */
export function isPlainEnvironment(env: NodeJS.ProcessEnv): boolean {
  for (const name in env) {
    if (!name.startsWith('CATCHD_')) continue
    const value = env[name]
    if (value !== '' && value !== undefined && PLAIN.get(name)?.test(value) !== true) return false
  }
  return true
}
