/** `catchd unlock`: ends a lock, with its passphrase or after the keychain was unlocked. */
import type { Command } from '@commander-js/extra-typings'
import type { Context } from './context.js'
import { readHidden } from './hidden-input.js'
import { isPassphraseNeeded, passphraseFromStdin, requireTerminal } from './lock.js'
import { printJson, printResult } from './output.js'

export function define(command: Command, context: Context): void {
  command
    .option('--stdin', 'read the passphrase from stdin')
    .option('--json', 'print the result as JSON')
    .action(async ({ stdin, json }) => {
      await unlock(context, stdin === true)
      if (json) printJson({ locked: false })
      else printResult('catchd is unlocked.')
    })
}

async function unlock({ client, signal }: Context, fromStdin: boolean): Promise<void> {
  if (fromStdin) return client.unlock(await passphraseFromStdin('unlock'))
  try {
    return await client.unlock()
  } catch (error) {
    if (!isPassphraseNeeded(error)) throw error
  }
  requireTerminal('unlock')
  await client.unlock(await readHidden('Passphrase: ', { signal, next: 'catchd unlock' }))
}
