/**
 * Checks the vault: which one is used, whether it works, and what to install or unlock if it does not.
 *
 * The keychain is only asked whether it is locked, which opens no dialog; no item is read. A sealed file is opened for
 * reading. Nothing is written, so these checks make no choice for `auto` if it has not chosen a vault yet.
 */
import { existsSync } from 'node:fs'
import type { DaemonStatus } from '../client/api-types.js'
import type { Environment } from '../config/environment.js'
import { type DaemonSetting, placeOfSetting, type Settings } from '../config/settings.js'
import { EXIT } from '../failures.js'
import { shellWord } from '../text/shell-word.js'
import { examineFallback, NO_BUS } from '../vault/fallback.js'
import { isAbsence, KeychainFailure, keychainReason } from '../vault/keychain-engine.js'
import { hasSessionBus, keychainFix } from '../vault/keychain-fix.js'
import { keytarTrouble } from '../vault/keytar-engine.js'
import { countSealedItems } from '../vault/sealed-file-vault.js'
import { askSecretService, type LockState } from '../vault/secret-service.js'
import { glimpseRememberedVault, vaultFiles } from '../vault/vault-choice.js'
import { isVaultKind, VAULT_KINDS, type VaultKind, vaultName } from '../vault/vault-kinds.js'
import { type Finding, fail, failed, ok, warn } from './finding.js'
import type { Machine } from './machine.js'

/** Where tokens are stored; `undecided`: `auto` has not chosen yet. */
type VaultInUse = VaultKind | 'undecided'

interface KeychainFacts {
  readonly inUse: 'keychain' | 'undecided'
  /** Why keytar cannot be loaded; `undefined`: it can. */
  readonly keytarTrouble: string | undefined
  readonly lockState: LockState
}

/** What the running daemon says about its vault. A daemon of an older version does not send all of it. */
interface DaemonVault {
  readonly vault: Omit<DaemonStatus['vault'], 'reason' | 'next'> &
    Partial<Pick<DaemonStatus['vault'], 'reason' | 'next'>>
  readonly locked?: boolean
  readonly settings?: readonly Pick<DaemonSetting, 'key' | 'source'>[]
}

/** Checks the vault on this machine. @param daemon - The status of the running daemon, if one runs. */
export async function examineVault(
  machine: Machine,
  environment: Environment & Pick<Settings, 'vault'>,
  stateFolder: string,
  daemon: DaemonVault | undefined,
): Promise<Finding[]> {
  const inUse = await vaultInUse(environment.vault, stateFolder, daemon?.vault)
  const inUseBy =
    daemon === undefined
      ? describe(inUse, placeOfSetting(environment, 'vault') === IN_FILE)
      : judgeDaemonVault(daemon)
  const findings = [inUseBy]
  switch (inUse) {
    case 'keychain':
    case 'undecided':
      findings.push(...(await examineKeychain(machine, inUse)))
      break
    case 'file':
      // The daemon has just said what is wrong with it.
      if (inUseBy.status !== 'fail') {
        findings.push(await examineSealedFile(stateFolder, environment.vaultPassphraseFile ?? null))
        findings.push(...(await examineChoice(machine, environment, stateFolder, daemon?.vault)))
      }
      break
  }
  if (daemon !== undefined) findings.push(judgeUnsaved(daemon.vault.unsaved))
  return findings
}

async function vaultInUse(
  choice: Settings['vault'],
  stateFolder: string,
  daemon: DaemonVault['vault'] | undefined,
): Promise<VaultInUse> {
  if (daemon !== undefined && isVaultKind(daemon.kind)) return daemon.kind
  if (choice !== 'auto') return choice
  return (await glimpseRememberedVault(stateFolder)) ?? 'undecided'
}

/** Whether the sealed file is only used because there is no keychain. */
async function examineChoice(
  machine: Machine,
  { vault }: Pick<Environment, 'vault'>,
  stateFolder: string,
  daemon: DaemonVault['vault'] | undefined,
): Promise<Finding[]> {
  if (daemon !== undefined) return daemon.reason == null ? [] : [warn('keychain', daemon.reason, daemon.next)]
  const fallback = vault === 'auto' ? await examineFallback(stateFolder, machine) : undefined
  return fallback === undefined ? [] : [warn('keychain', fallback.reason, fallback.next)]
}

const IN_FILE = 'daemon.vault'

/** @param isInFile - Whether the file names this vault, and not the environment. */
function describe(inUse: VaultInUse, isInFile: boolean): Finding {
  if (inUse === 'undecided') {
    return ok('vault', 'Not chosen yet: the keychain if it works, otherwise the sealed file')
  }
  if (VAULT_KINDS[inUse].lasts) return ok('vault', inUse === 'keychain' ? 'keychain' : 'sealed file')
  return warn(
    'vault',
    `Memory only (${isInFile ? `${IN_FILE}: ` : 'CATCHD_VAULT='}${inUse}): tokens are lost when the daemon stops.`,
    isInFile
      ? `catchd config set ${IN_FILE} auto && catchd daemon restart`
      : 'CATCHD_VAULT=auto catchd daemon restart',
  )
}

export function judgeDaemonVault({ vault, locked, settings = [] }: DaemonVault): Finding {
  const { kind, engine, health, reason, next } = vault
  if (locked) return warn('vault', 'It is closed, because catchd is locked.', 'catchd unlock')
  const what = vaultName({ kind, engine })
  if (health === 'ok') {
    return isVaultKind(kind) && !VAULT_KINDS[kind].lasts
      ? describe(
          kind,
          settings.some(({ key, source }) => key === IN_FILE && source === 'file'),
        )
      : ok('vault', `${what}, used by the running daemon`)
  }
  // A daemon of an older version gives no reason.
  const detail = reason ?? `The daemon reports that the ${what} is ${health}.`
  return fail('vault', EXIT.vault, detail, next ?? 'catchd daemon logs')
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
  const lock = judgeLock(machine, facts)
  // Nothing to say about an engine for a keychain that is not there.
  return lock.status === 'warn' && facts.inUse === 'undecided' ? [lock] : [judgeEngine(machine, facts), lock]
}

function judgeEngine(machine: Machine, { inUse, keytarTrouble: trouble }: KeychainFacts): Finding {
  const check = 'keychain engine'
  if (trouble === undefined) return ok(check, 'keytar')
  const isLinux = machine.platform === 'linux'
  if (isLinux && machine.hasProgram('secret-tool')) {
    return ok(check, 'secret-tool, because keytar cannot be loaded. Both use the same keychain items.')
  }
  return judgeFailure(machine, check, new KeychainFailure('no_engine', trouble), inUse)
}

function judgeFailure(
  machine: Machine,
  check: string,
  failure: KeychainFailure,
  inUse: KeychainFacts['inUse'],
): Finding {
  const reason = keychainReason(failure, machine.platform)
  const fix = keychainFix(failure.trouble, machine) ?? null
  if (inUse === 'undecided' && isAbsence(failure.trouble)) {
    return warn(check, `${reason} catchd will store tokens in the sealed file.`, fix)
  }
  return fail(check, EXIT.vault, reason, fix)
}

function judgeLock(machine: Machine, { inUse, lockState }: KeychainFacts): Finding {
  const check = 'keychain'
  if (lockState.state !== 'trouble') {
    return lockState.state === 'unlocked'
      ? ok(check, 'Available and unlocked.')
      : judgeUnknown(machine, inUse)
  }
  return judgeFailure(machine, check, new KeychainFailure(lockState.trouble, lockState.text), inUse)
}

/** For systems where asking whether the keychain is locked could open a dialog. */
function judgeUnknown(machine: Machine, inUse: KeychainFacts['inUse']): Finding {
  const check = 'keychain'
  if (machine.platform !== 'linux' || hasSessionBus(machine.env)) {
    return ok(
      check,
      'Not checked: asking whether the keychain is locked could open a dialog here. Its first use will show.',
    )
  }
  if (inUse === 'undecided') return judgeFailure(machine, check, NO_BUS, inUse)
  return warn(check, `${keychainReason(NO_BUS, 'linux')} Run catchd in your desktop session.`)
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
