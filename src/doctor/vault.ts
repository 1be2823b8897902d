/**
 * Checks the vault: which one is used, whether it works, and what to install or unlock if it does not.
 *
 * The keychain is only asked whether it is locked, which opens no dialog; no item is read. A sealed file is opened for
 * reading. Nothing is written, so these checks make no choice for `auto` if it has not chosen a vault yet.
 */
import { existsSync } from 'node:fs'
import type { DaemonStatus } from '../client/api-types.js'
import type { Environment } from '../config/environment.js'
import type { Settings } from '../config/settings.js'
import { EXIT } from '../failures.js'
import { shellWord } from '../text/shell-word.js'
import { KeychainFailure, type KeychainTrouble, translate } from '../vault/keychain-engine.js'
import { keytarTrouble } from '../vault/keytar-engine.js'
import { countSealedItems } from '../vault/sealed-file-vault.js'
import { askSecretService, type LockState } from '../vault/secret-service.js'
import { glimpseRememberedVault, vaultFiles } from '../vault/vault-choice.js'
import { isVaultKind, VAULT_KINDS, type VaultKind } from '../vault/vault-kinds.js'
import { type Finding, fail, failed, ok, warn } from './finding.js'
import { installCommand, KEYRING, type Machine, SECRET_TOOL } from './machine.js'

/** Where tokens are stored; `undecided`: `auto` has not chosen yet. */
type VaultInUse = VaultKind | 'undecided'

interface KeychainFacts {
  readonly inUse: 'keychain' | 'undecided'
  /** Why keytar cannot be loaded; `undefined`: it can. */
  readonly keytarTrouble: string | undefined
  readonly lockState: LockState
}

/** Installs keytar again if npm left it out. */
const INSTALL_AGAIN = 'npm install -g catchd'

/** What the running daemon says about its vault. A daemon of an older version does not send `locked`. */
type DaemonVault = Pick<DaemonStatus, 'vault'> & Partial<Pick<DaemonStatus, 'locked'>>

/** Checks the vault on this machine. @param daemon - The status of the running daemon, if one runs. */
export async function examineVault(
  machine: Machine,
  environment: Pick<Environment, 'vaultPassphraseFile'> & Pick<Settings, 'vault'>,
  stateFolder: string,
  daemon: DaemonVault | undefined,
): Promise<Finding[]> {
  const inUse = await vaultInUse(environment.vault, stateFolder, daemon?.vault)
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
  if (daemon !== undefined) findings.push(judgeUnsaved(daemon.vault.unsaved))
  return findings
}

async function vaultInUse(
  choice: Settings['vault'],
  stateFolder: string,
  daemon: DaemonStatus['vault'] | undefined,
): Promise<VaultInUse> {
  if (daemon !== undefined && isVaultKind(daemon.kind)) return daemon.kind
  if (choice !== 'auto') return choice
  return (await glimpseRememberedVault(stateFolder)) ?? 'undecided'
}

function describe(inUse: VaultInUse): Finding {
  if (inUse === 'undecided') {
    return ok('vault', 'Not chosen yet: the keychain if it works, otherwise the sealed file')
  }
  const { title, lasts } = VAULT_KINDS[inUse]
  if (lasts) return ok('vault', title)
  return warn(
    'vault',
    `${title} (CATCHD_VAULT=${inUse}): tokens are lost when the daemon stops.`,
    'CATCHD_VAULT=auto catchd daemon restart',
  )
}

export function judgeDaemonVault({ vault: { kind, engine, health }, locked }: DaemonVault): Finding {
  if (locked) return warn('vault', 'It is closed, because catchd is locked.', 'catchd unlock')
  const what = `${kind} (${engine})`
  if (health === 'ok') {
    return isVaultKind(kind) && !VAULT_KINDS[kind].lasts
      ? describe(kind)
      : ok('vault', `${what}, used by the running daemon`)
  }
  return fail('vault', EXIT.vault, `The daemon reports that ${what} is ${health}.`, 'catchd vault status')
}

export function judgeUnsaved(profiles: readonly string[]): Finding {
  if (profiles.length === 0) return ok('unsaved', 'Every token set is stored.')
  return fail(
    'unsaved',
    EXIT.vault,
    `Some token sets are only in memory: ${profiles.join(', ')}. catchd stores them as soon as the vault works again. Do not stop the daemon before that.`,
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
  if (isLinux && machine.hasProgram('secret-tool')) {
    return ok(check, 'secret-tool, because keytar cannot be loaded. Both use the same keychain items.')
  }
  // secret-tool comes with the library that keytar needs, so that either works then.
  const fix = (isLinux ? installCommand(machine, SECRET_TOOL) : null) ?? INSTALL_AGAIN
  if (inUse === 'undecided') {
    return warn(check, `${noEngine(isLinux)} catchd would use the sealed file.`, fix)
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
      ? ok(check, 'Available and unlocked.')
      : judgeUnknown(machine, inUse)
  }
  const { trouble, text } = lockState
  const { message } = translate(new KeychainFailure(trouble, text), machine.platform)
  if (trouble === 'no_keychain' && inUse === 'undecided') {
    return warn(check, `${message} catchd will use the sealed file.`, lockFix(machine, trouble))
  }
  return fail(check, EXIT.vault, message, lockFix(machine, trouble))
}

/** For systems where asking whether the keychain is locked could open a dialog. */
function judgeUnknown({ platform, env }: Machine, inUse: KeychainFacts['inUse']): Finding {
  const check = 'keychain'
  if (platform !== 'linux' || env['DBUS_SESSION_BUS_ADDRESS']) {
    return ok(
      check,
      'Not checked: asking whether the keychain is locked could open a dialog here. Its first use will show.',
    )
  }
  const detail = 'DBUS_SESSION_BUS_ADDRESS is not set, so a keychain is probably not available.'
  if (inUse === 'undecided') return ok(check, `${detail} In that case catchd uses the sealed file.`)
  return warn(check, `${detail} Run catchd in your desktop session.`)
}

function lockFix(machine: Machine, trouble: KeychainTrouble): string {
  switch (trouble) {
    case 'locked':
      return 'gnome-keyring-daemon --replace --unlock'
    case 'no_keychain':
      return installCommand(machine, KEYRING) ?? 'CATCHD_VAULT=file catchd daemon restart'
    case 'silent':
      // D-Bus starts a new keyring daemon when it is needed next.
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
  const keyFile = vaultFiles.key(stateFolder)
  try {
    const items = await countSealedItems(path, { keyFile, passphraseFile })
    if (items === undefined) return ok(check, `${path} (catchd creates it when needed)`)
    if (passphraseFile !== null && existsSync(keyFile)) {
      const detail = `${keyFile} is still there. It may open the generation before this one without the passphrase.`
      return warn(check, detail, 'catchd vault migrate --to file')
    }
    return ok(check, `${path}: ${items} ${items === 1 ? 'item' : 'items'}`)
  } catch (error) {
    const finding = failed(check, error)
    // `catchd vault status` refers the user to `catchd doctor`, so it cannot be the next command here.
    return finding.next === 'catchd vault status'
      ? { ...finding, next: `ls -l ${shellWord(stateFolder)}` }
      : finding
  }
}
