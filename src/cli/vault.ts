/** `catchd vault status|migrate`: shows where tokens are stored, and moves them to another vault. */
import { type Command, Option } from 'commander'
import { LASTING_VAULTS, type LastingVault } from '../vault/vault-kinds.js'
import type { Context } from './context.js'
import { facts, printJson, printResult } from './output.js'

export function defineVault(command: Command, context: Context): void {
  command
    .command('status')
    .summary('show which vault is in use and whether it works')
    .option('--json', 'print it as JSON')
    .action((options: { json?: true }) => status(context, options))
  command
    .command('migrate')
    .summary('move every item to another vault and use that vault from now on')
    .addOption(new Option('--to <vault>', 'new vault').choices(LASTING_VAULTS).makeOptionMandatory())
    .option('--json', 'print the result as JSON')
    .action((options: { to: LastingVault; json?: true }) => migrate(context, options))
}

async function status(context: Context, options: { readonly json?: true }): Promise<void> {
  const { vault } = await context.client.status()
  if (options.json) return printJson(vault)
  printResult(
    facts([
      ['vault', vault.kind],
      ['engine', vault.engine],
      ['health', vault.health],
      ['unsaved', vault.unsaved.join(', ') || 'nothing'],
    ]),
  )
}

async function migrate(
  context: Context,
  options: { readonly to: LastingVault; readonly json?: true },
): Promise<void> {
  const migration = await context.client.migrateVault(options.to)
  if (options.json) return printJson(migration)
  const { from, to, items } = migration
  printResult(`${items} ${items === 1 ? 'item' : 'items'} moved from ${from} to ${to}.`)
}
