/**
 * Checks of this machine: Node.js, the browser, and the command that installs a missing program.
 *
 * The checks are pure. {@link thisMachine} gathers the facts and starts nothing.
 */
import { chosenBrowser } from '../browser/browser-command.js'
import { EXIT } from '../failures.js'
import { isInstalled } from '../process/installed-program.js'
import { type Finding, fail, ok, warn } from './finding.js'
import { type HostEnvironment, hostEnvironment, loginAdvice, settingOf } from './host-environment.js'

export interface Machine extends HostEnvironment {
  readonly nodeVersion: string
  readonly isRoot: boolean
  /** Whether a program of this name or path can be run. */
  readonly hasProgram: (name: string) => boolean
}

export function thisMachine(): Machine {
  const host = hostEnvironment()
  const { platform, env } = host
  return {
    ...host,
    nodeVersion: process.versions.node,
    isRoot: process.getuid?.() === 0,
    hasProgram: (name) => isInstalled(name, env, platform),
  }
}

/** The minimum version is that of `engines` in package.json. */
export function checkNode({ nodeVersion }: Pick<Machine, 'nodeVersion'>): Finding {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number)
  const isEnough = major > 20 || (major === 20 && minor >= 19)
  if (isEnough) return ok('node', `Node.js ${nodeVersion}`)
  return fail(
    'node',
    EXIT.unexpected,
    `catchd needs Node.js 20.19 or newer. This is Node.js ${nodeVersion}.`,
    'nvm install 22',
  )
}

/**
 * Whether catchd can open a browser, and whether that browser can reach this machine.
 *
 * @param command - The value of `CATCHD_BROWSER`; `undefined`: the system's default.
 */
export function checkBrowser(machine: Machine, command: string | undefined, redirectPort: number): Finding {
  const { env, hasProgram } = machine
  const setting = settingOf(machine)
  const advice = loginAdvice(setting, `http://127.0.0.1:${redirectPort}/callback`)
  const chosen = chosenBrowser({ command, env, isProgram: hasProgram, platform: machine.platform })
  if (typeof chosen === 'object') {
    const { program, source } = chosen
    if (hasProgram(program)) return ok('browser', `${program}, from ${source}`)
    return warn(
      'browser',
      `${program}, from ${source}, cannot be run. catchd prints the authorization URL instead.`,
      `env -u ${source} catchd daemon restart`,
    )
  }
  const off = 'Switched off (CATCHD_BROWSER=none). catchd prints the authorization URL.'
  if (advice !== undefined) {
    const detail = chosen === 'none' ? `${off} ${advice.detail}` : advice.detail
    // A user who switched the browser off knows what to do instead.
    if (!advice.isNeeded || chosen === 'none') return ok('browser', detail)
    return warn('browser', detail, advice.next.includes('NAME') ? 'catchd login --help' : advice.next)
  }
  if (chosen === 'none') return ok('browser', off)
  if (setting === 'wsl1') return ok('browser', 'The browser of Windows, opened from WSL')
  if (machine.platform !== 'linux') return ok('browser', "The system's default browser")
  if (hasProgram('xdg-open')) return ok('browser', 'xdg-open')
  return warn(
    'browser',
    'xdg-open is not installed. catchd prints the authorization URL instead.',
    installCommand(machine, XDG_OPEN),
  )
}

/** Names of a package by package manager. */
type PackageNames = Readonly<Record<keyof typeof INSTALL, string>>

const XDG_OPEN: PackageNames = { apt: 'xdg-utils', dnf: 'xdg-utils', pacman: 'xdg-utils' }
export const SECRET_TOOL: PackageNames = { apt: 'libsecret-tools', dnf: 'libsecret', pacman: 'libsecret' }
export const KEYRING: PackageNames = {
  apt: 'gnome-keyring dbus-user-session',
  dnf: 'gnome-keyring',
  pacman: 'gnome-keyring',
}

const INSTALL = { apt: 'apt install', dnf: 'dnf install', pacman: 'pacman -S' } as const

/** @returns `null` if no package manager that catchd knows is installed. */
export function installCommand(
  { isRoot, hasProgram }: Pick<Machine, 'isRoot' | 'hasProgram'>,
  packages: PackageNames,
): string | null {
  const manager = (['apt', 'dnf', 'pacman'] as const).find(hasProgram)
  return manager === undefined ? null : `${isRoot ? '' : 'sudo '}${INSTALL[manager]} ${packages[manager]}`
}
