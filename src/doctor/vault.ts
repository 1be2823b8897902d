/**
 * The vault: which one, whether it can be used, and what to install or unlock where it cannot.
 *
 * A keychain is asked whether it is locked, which brings up no dialog, and never for an item; a sealed file is
 * opened for reading. Nothing is written, so nothing is decided either where `auto` has not decided yet.
 */
import type { DaemonStatus } from '../client/api-types.js'
import type { Environment } from '../config/environment.js'
import { EXIT } from '../failures.js'
import { KeychainFailure, type KeychainTrouble, translate } from '../vault/keychain-engine.js'
import { keytarTrouble } from '../vault/keytar-engine.js'
import { countSealedItems } from '../vault/sealed-file-vault.js'
import { askSecretService, type LockState } from '../vault/secret-service.js'
import { glimpseRememberedVault, vaultFiles } from '../vault/vault-choice.js'
import { isVaultKind, VAULT_KINDS, type VaultKind } from '../vault/vault-kinds.js'
import { type Finding, fail, failed, ok, warn } from './finding.js'
import { installCommand, KEYRING, type Machine, type PackageNames, SECRET_TOOL } from './machine.js'

/** Where tokens are kept; `undecided`: `auto` has not been used yet. */
export type VaultInUse = VaultKind | 'undecided'

export interface KeychainFacts {
  readonly inUse: 'keychain' | 'undecided'
  /** Why keytar cannot be loaded; `undefined`: it can. */
  readonly keytarTrouble: string | undefined
  readonly lockState: LockState
}

const KEYTAR = 'npm install -g --allow-scripts=keytar catchd'

/** For keytar itself; what it needs to run. */
const LIBSECRET: PackageNames = { apt: 'libsecret-1-0', dnf: 'libsecret', pacman: 'libsecret' }

/** The vault of this machine's home. @param daemon - What the running daemon says, if one runs. */
export async function examineVault(
  machine: Machine,
  environment: Pick<Environment, 'vault' | 'vaultPassphraseFile'>,
  stateFolder: string,
  daemon: DaemonStatus['vault'] | undefined,
): Promise<Finding[]> {
  const inUse = await vaultInUse(environment.vault, stateFolder, daemon)
  const findings = [daemon === undefined ? describe(inUse) : judgeDaemonVault(daemon)]
  switch (inUse) {
    case 'keychain':
    case 'undecided':
      findings.push(...(await examineKeychain(machine, inUse)))
      break
    case 'file':
      findings.push(await examineSealedFile(stateFolder, environment.vaultPassphraseFile ?? null))
      break
  }
  if (daemon !== undefined) findings.push(judgeUnsaved(daemon.unsaved))
  return findings
}

async function vaultInUse(
  choice: Environment['vault'],
  stateFolder: string,
  daemon: DaemonStatus['vault'] | undefined,
): Promise<VaultInUse> {
  if (daemon !== undefined && isVaultKind(daemon.kind)) return daemon.kind
  if (choice !== 'auto') return choice
  return (await glimpseRememberedVault(stateFolder)) ?? 'undecided'
}

function describe(inUse: VaultInUse): Finding {
  if (inUse === 'undecided') {
    return ok('vault', 'Not decided yet: the keychain where it works, else the sealed file')
  }
  const { title, lasts } = VAULT_KINDS[inUse]
  if (lasts) return ok('vault', title)
  return warn(
    'vault',
    `${title} (CATCHD_VAULT=${inUse}): tokens are gone when the daemon stops.`,
    'CATCHD_VAULT=auto catchd daemon restart',
  )
}

export function judgeDaemonVault({ kind, engine, health }: DaemonStatus['vault']): Finding {
  const what = `${kind} (${engine})`
  if (health === 'ok') {
    return isVaultKind(kind) && !VAULT_KINDS[kind].lasts
      ? describe(kind)
      : ok('vault', `${what}, as the daemon uses it`)
  }
  return fail('vault', EXIT.vault, `The daemon says that ${what} is ${health}.`, 'catchd vault status')
}

export function judgeUnsaved(profiles: readonly string[]): Finding {
  if (profiles.length === 0) return ok('unsaved', 'Every token set is stored.')
  return fail(
    'unsaved',
    EXIT.vault,
    `Token sets in memory only: ${profiles.join(', ')}. They are stored as soon as the vault takes them; do not stop the daemon before.`,
    'catchd vault status',
  )
}

async function examineKeychain(machine: Machine, inUse: 'keychain' | 'undecided'): Promise<Finding[]> {
  const [keytar, lockState] = await Promise.all([
    keytarTrouble(),
    machine.platform === 'linux' ? askSecretService(machine.env) : ({ state: 'unknown' } as const),
  ])
  return judgeKeychain(machine, { inUse, keytarTrouble: keytar, lockState })
}

export function judgeKeychain(machine: Machine, facts: KeychainFacts): Finding[] {
  return [judgeEngine(machine, facts), judgeLock(machine, facts)]
}

function judgeEngine(machine: Machine, { inUse, keytarTrouble: trouble }: KeychainFacts): Finding {
  const check = 'keychain engine'
  if (trouble === undefined) return ok(check, 'keytar')
  const isLinux = machine.platform === 'linux'
  // The library's file is missing, not keytar itself.
  const keytarFix = /libsecret-1\.so/.test(trouble) ? (installCommand(machine, LIBSECRET) ?? KEYTAR) : KEYTAR
  if (isLinux && machine.hasProgram('secret-tool')) {
    return ok(check, 'secret-tool, because keytar cannot be loaded. Both use the same items.')
  }
  const fix = (isLinux ? installCommand(machine, SECRET_TOOL) : null) ?? keytarFix
  if (inUse === 'undecided') {
    return warn(check, `${noEngine(isLinux)} The sealed file would be used.`, fix)
  }
  return fail(check, EXIT.vault, noEngine(isLinux), fix)
}

function noEngine(isLinux: boolean): string {
  return isLinux ? 'Neither keytar nor secret-tool can be used.' : 'keytar cannot be loaded.'
}

function judgeLock(machine: Machine, { inUse, lockState }: KeychainFacts): Finding {
  const check = 'keychain'
  if (lockState.state !== 'trouble') {
    return lockState.state === 'unlocked'
      ? ok(check, 'It is there and unlocked.')
      : judgeUnknown(machine, inUse)
  }
  const { trouble, text } = lockState
  const { message } = translate(new KeychainFailure(trouble, text), machine.platform)
  if (trouble === 'no_keychain' && inUse === 'undecided') {
    return warn(check, `${message} The sealed file will be used.`, lockFix(machine, trouble))
  }
  return fail(check, EXIT.vault, message, lockFix(machine, trouble))
}

/** Where nobody can be asked without a dialog. */
function judgeUnknown({ platform, env }: Machine, inUse: KeychainFacts['inUse']): Finding {
  const check = 'keychain'
  if (platform !== 'linux' || env['DBUS_SESSION_BUS_ADDRESS']) {
    return ok(check, 'Whether it is locked cannot be asked here without a dialog; the first use tells.')
  }
  const detail = 'No session bus is named here (DBUS_SESSION_BUS_ADDRESS), so there is hardly a keychain.'
  if (inUse === 'undecided') return ok(check, `${detail} The first use tells; the sealed file would be used.`)
  return warn(check, `${detail} Run catchd in the session of the desktop.`)
}

function lockFix(machine: Machine, trouble: KeychainTrouble): string {
  switch (trouble) {
    case 'locked':
      return 'gnome-keyring-daemon --replace --unlock'
    case 'no_keychain':
      return installCommand(machine, KEYRING) ?? 'CATCHD_VAULT=file catchd daemon restart'
    case 'silent':
      // D-Bus starts a new one at the next use.
      return machine.hasProgram('gnome-keyring-daemon')
        ? 'pkill -KILL -x gnome-keyring-d'
        : 'catchd vault status'
    default:
      return 'catchd vault status'
  }
}

async function examineSealedFile(stateFolder: string, passphraseFile: string | null): Promise<Finding> {
  const check = 'sealed file'
  const path = vaultFiles.sealed(stateFolder)
  try {
    const items = await countSealedItems(path, { keyFile: vaultFiles.key(stateFolder), passphraseFile })
    if (items === undefined) return ok(check, `${path}, which is made at the first use`)
    return ok(check, `${path}: ${items} ${items === 1 ? 'item' : 'items'}`)
  } catch (error) {
    const finding = failed(check, error)
    // This is the place where `catchd vault status` sends people to.
    return finding.next === 'catchd vault status' ? { ...finding, next: `ls -l '${stateFolder}'` } : finding
  }
}
