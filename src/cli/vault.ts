/** `catchd vault status|migrate`: shows where tokens are stored, and moves them to another vault. */
import { type Command, Option } from '@commander-js/extra-typings'
import { LASTING_VAULTS, vaultName } from '../vault/vault-kinds.js'
import type { Context } from './context.js'
import { facts, printJson, printNote, printResult } from './output.js'
import { settingsNote } from './settings-note.js'
import { vaultReason } from './vault-reason.js'

export function define(command: Command, context: Context): void {
  command
    .command('status')
    .summary('show which vault is in use and whether it works')
    .option('--json', 'print it as JSON')
    .action(async ({ json }) => {
      const status = await context.client.status()
      const { vault, locked } = status
      if (json) return printJson(vault)
      printResult(
        facts([
          ['vault', vaultName(vault)],
          ['engine', vault.engine],
          ['health', locked ? 'closed, because catchd is locked: catchd unlock' : vault.health],
          ...vaultReason(status, 'reason'),
          ['unsaved', vault.unsaved.join(', ') || 'nothing'],
        ]),
      )
      const note = await settingsNote(context, { status })
      if (note !== undefined) printNote(note)
    })
  command
    .command('migrate')
    .summary('move every item to another vault and use that vault from now on')
    .addOption(new Option('--to <vault>', 'new vault').choices(LASTING_VAULTS).makeOptionMandatory())
    .option('--json', 'print the result as JSON')
    .action(async (options) => {
      const { from, to, items } = await context.client.migrateVault(options.to)
      if (options.json) return printJson({ from, to, items })
      const count = `${items} ${items === 1 ? 'item' : 'items'}`
      printResult(from === to ? sealedAgain(items, count) : `${count} moved from ${from} to ${to}.`)
      await printOtherChoice(context, to)
    })
}

/** If a setting names another vault, the daemon opens that one when it starts again. */
async function printOtherChoice(context: Context, to: string): Promise<void> {
  const { settings = [] } = await context.client.status()
  const choice = settings.find(({ key }) => key === 'daemon.vault')
  if (choice === undefined || choice.value === 'auto' || choice.value === to) return
  if (choice.source === 'environment') {
    printNote([
      `The daemon was started with CATCHD_VAULT=${choice.value}. It will use that vault again after a restart.`,
      `  → CATCHD_VAULT=${to} catchd daemon restart`,
    ])
  } else {
    printNote([
      `daemon.vault is ${choice.value}. The daemon will use that vault again after a restart.`,
      `  → catchd config set daemon.vault ${to}`,
    ])
  }
}

/** The vault in use can be sealed with another key. */
function sealedAgain(items: number, count: string): string {
  return items === 0
    ? 'Nothing to move: this vault is in use already.'
    : `${count} sealed with the passphrase.`
}
