/**
 * The command that makes a keychain usable, for each trouble and distribution. `status`, `doctor`, `login` and every error
 * of the vault name this one.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sessionBusPath } from '../dbus/bus-connection.js'
import { CatchdError } from '../failures.js'
import { installCommand, type PackageNames, type ProgramFacts } from '../process/install-command.js'
import { isInstalled } from '../process/installed-program.js'
import { shellWord } from '../text/shell-word.js'
import { type KeychainFailure, type KeychainTrouble, keychainReason } from './keychain-engine.js'

/** What the command depends on. */
export interface KeychainHost extends ProgramFacts {
  readonly platform: NodeJS.Platform
  readonly env: NodeJS.ProcessEnv
}

export function keychainHost(platform = process.platform, env = process.env): KeychainHost {
  return {
    platform,
    env,
    isRoot: process.getuid?.() === 0,
    hasProgram: (name) => isInstalled(name, env, platform),
  }
}

/** secret-tool, and with it the library that keytar loads: either works then. */
const ENGINE: PackageNames = {
  apt: 'libsecret-tools',
  dnf: 'libsecret',
  pacman: 'libsecret',
  zypper: 'libsecret-tools',
  apk: 'libsecret',
}
const KEYRING: PackageNames = {
  apt: 'gnome-keyring dbus-user-session libsecret-1-0',
  dnf: 'gnome-keyring libsecret',
  pacman: 'gnome-keyring libsecret',
  zypper: 'gnome-keyring libsecret-1-0',
  apk: 'gnome-keyring libsecret',
}
/** Programs that serve the Secret Service. */
const GNOME_KEYRING = 'gnome-keyring-daemon'
const KEYRINGS = [GNOME_KEYRING, 'kwalletd5', 'kwalletd6', 'keepassxc']

/** A user who chose the sealed file is told nothing about keychains. */
export const KEEP_SEALED_FILE = 'catchd config set daemon.vault file'
const UNLOCK = `${GNOME_KEYRING} --replace --unlock`

/** The failure of an engine as a failure of the vault. */
export function translate(failure: KeychainFailure, host: KeychainHost): CatchdError {
  const { trouble } = failure
  return new CatchdError(trouble === 'locked' ? 'vault_locked' : 'vault_unavailable', {
    detail: keychainReason(failure, host.platform),
    next: keychainFix(trouble, host),
  })
}

/** One command; `undefined` if no command helps. */
export function keychainFix(trouble: KeychainTrouble, host: KeychainHost): string | undefined {
  const { platform, hasProgram } = host
  const hasGnomeKeyring = hasProgram(GNOME_KEYRING)
  switch (trouble) {
    case 'locked':
      return platform === 'linux' && hasGnomeKeyring ? UNLOCK : undefined
    case 'no_engine':
      if (platform !== 'linux') return installAgain()
      return installCommand(host, ENGINE, ...(KEYRINGS.some(hasProgram) ? [] : [KEYRING])) ?? installAgain()
    case 'no_keychain':
      if (platform !== 'linux') return KEEP_SEALED_FILE
      if (!KEYRINGS.some(hasProgram)) return installCommand(host, KEYRING) ?? KEEP_SEALED_FILE
      // A keyring that has no collection yet is set up by its first password.
      return hasSessionBus(host.env) && hasGnomeKeyring ? UNLOCK : KEEP_SEALED_FILE
    case 'silent':
      // D-Bus starts a new keyring daemon when it is needed next.
      return hasGnomeKeyring ? 'pkill -KILL -x gnome-keyring-d' : undefined
    case 'failed':
      return undefined
  }
}

export function hasSessionBus(env: NodeJS.ProcessEnv): boolean {
  const path = sessionBusPath(env)
  return path !== undefined && (path.startsWith('\0') || existsSync(path))
}

/** For a program that npm installed without its optional package. Node finds one that is installed beside the program. */
function installAgain(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder)
  return existsSync(join(folder, 'src'))
    ? `npm install --prefix ${shellWord(folder)} --no-save --include=optional`
    : 'npm install --global keytar@npm:@github/keytar'
}
