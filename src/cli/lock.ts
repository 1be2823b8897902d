/** `catchd lock`: takes the tokens out of memory, and refuses every use of them until `catchd unlock`. */
import type { Command } from '@commander-js/extra-typings'
import { CatchdError } from '../failures.js'
import type { Context } from './context.js'
import { readHidden } from './hidden-input.js'
import { readAll } from './line-input.js'
import { printJson, printResult } from './output.js'

export function define(command: Command, context: Context): void {
  command
    .option('--passphrase', 'ask for a new passphrase, even if one is set or the keychain can be locked')
    .option('--stdin', 'read the passphrase from stdin')
    .option('--json', 'print the result as JSON')
    .action(async ({ passphrase, stdin, json }) => {
      await lock(context, passphrase === true, stdin === true)
      if (json) printJson({ locked: true })
      else printResult('catchd is locked.')
    })
}

/** Without a question, if there is something that unlocks it. */
async function lock({ client, signal }: Context, asks: boolean, fromStdin: boolean): Promise<void> {
  if (fromStdin) return client.lock(await passphraseFromStdin('lock'))
  if (!asks) {
    try {
      return await client.lock()
    } catch (error) {
      if (!isPassphraseNeeded(error) || !process.stdin.isTTY) throw error
      process.stderr.write(`${(error as CatchdError).message}\n`)
    }
  }
  requireTerminal('lock')
  const next = 'catchd lock --passphrase'
  const passphrase = await readHidden('New passphrase: ', { signal, next })
  if ((await readHidden('The same again: ', { signal, next })) !== passphrase) {
    throw new CatchdError('request_invalid', {
      detail: 'The two passphrases are not the same. catchd is not locked.',
      next,
    })
  }
  await client.lock(passphrase)
}

/** The answer to a call without a passphrase. */
export function isPassphraseNeeded(error: unknown): boolean {
  return error instanceof CatchdError && error.code === 'request_invalid'
}

/** @throws CatchdError `request_invalid` */
export async function passphraseFromStdin(command: 'lock' | 'unlock'): Promise<string> {
  const next = `catchd help ${command}`
  const passphrase = await readAll({ next })
  if (passphrase !== '') return passphrase
  throw new CatchdError('request_invalid', { detail: 'stdin contains no passphrase.', next })
}

/** @throws CatchdError `request_invalid` */
export function requireTerminal(command: 'lock' | 'unlock'): void {
  if (process.stdin.isTTY) return
  throw new CatchdError('request_invalid', {
    detail: 'There is no terminal to ask for the passphrase. Use --stdin.',
    next: `catchd help ${command}`,
  })
}
