/**
 * The files of the daemon: the configuration, the vault and the two journals.
 *
 * Opening them only reads, so a second daemon may do it before it knows that it is the second. The journals are opened
 * after the API socket is bound, because opening them writes.
 */
import { join } from 'node:path'
import type { Clock } from '../clock.js'
import type { Folders } from '../config/folders.js'
import { ConfigurationStore } from '../config/store.js'
import { type CatchdError, FAILURES } from '../failures.js'
import { StepJournal } from '../journal/step-journal.js'
import { examineFallback, KnownFallback } from '../vault/fallback.js'
import { keychainHost } from '../vault/keychain-fix.js'
import { describeVault, openVault, openVaultOf } from '../vault/open-vault.js'
import { healthIn } from '../vault/vault.js'
import { rememberVault } from '../vault/vault-choice.js'
import type { LastingVault } from '../vault/vault-kinds.js'
import type { DaemonParts } from './parts.js'

export type Storage = Awaited<ReturnType<typeof openStorage>>

/** @throws CatchdError `vault_unavailable` when the earlier choice of a vault cannot be read */
export async function openStorage(
  { environment, section, settings }: Pick<DaemonParts, 'environment' | 'section' | 'settings'>,
  { configFile, stateFolder, keychainService }: Folders,
  clock: Clock,
  onSetAside: (path: string) => void,
) {
  const vaultOptions = {
    stateFolder,
    service: keychainService,
    passphraseFile: environment.vaultPassphraseFile ?? null,
    onSetAside,
  }
  const vault = await openVault(settings.vault, vaultOptions)
  const newFallback = () => new KnownFallback(() => examineFallback(stateFolder, keychainHost()))
  let fallback = newFallback()
  const findFallback = async () =>
    settings.vault === 'auto' && vault.kind === 'file' ? fallback.tell(performance.now()) : undefined
  const configuration = await ConfigurationStore.open({
    file: configFile,
    redirectPort: settings.redirectPort,
    daemonSection: section,
    clock,
  })
  const loginJournal = new StepJournal(join(stateFolder, 'logins.journal'))
  const refreshJournal = new StepJournal(join(stateFolder, 'refreshes.journal'))
  return {
    vault,
    configuration,
    loginJournal,
    refreshJournal,
    describeVault: () => describeVault(vault, keychainService),

    /** Which vault is used, whether it works, and why not or why it is not the keychain. */
    async vaultState() {
      const trouble = await vault.findTrouble()
      const { reason, next } = (trouble === undefined ? await findFallback() : inWords(trouble)) ?? NOTHING
      return { kind: vault.kind, engine: vault.engine, health: healthIn(trouble), reason, next }
    },

    /** Moves every item to another vault, which this daemon and later ones then use. */
    async migrateVault(to: LastingVault) {
      const from = vault.kind
      const items = await vault.migrate(openVaultOf(to, vaultOptions), () => rememberVault(stateFolder, to))
      fallback = newFallback()
      return { from, to, items }
    },

    /** Only the one daemon of a home may do this. */
    openJournals() {
      loginJournal.open()
      refreshJournal.open()
    },

    async close() {
      configuration.close()
      await vault.close()
      loginJournal.close()
      refreshJournal.close()
    },
  }
}

const NOTHING = { reason: null, next: null }

/** Without a command of its own, a failure of the vault leads to `catchd vault status`, which shows these words. */
function inWords({ message, next, code }: CatchdError) {
  const own = code === 'locked' || next !== FAILURES.vault_locked.next
  return { reason: message, next: own ? next : null }
}
