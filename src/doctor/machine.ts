/**
 * Checks of this machine: Node.js and the browser.
 *
 * The checks are pure. {@link thisMachine} gathers the facts and starts nothing.
 */
import { type BrowserChoice, browserSource, chosenBrowser } from '../browser/browser-command.js'
import { EXIT } from '../failures.js'
import { installCommand, type PackageNames, type ProgramFacts } from '../process/install-command.js'
import { isInstalled } from '../process/installed-program.js'
import { withoutVariables } from '../text/without-variables.js'
import { type Finding, fail, ok, warn } from './finding.js'
import { type HostEnvironment, hostEnvironment, loginAdvice, settingOf } from './host-environment.js'

export interface Machine extends HostEnvironment, ProgramFacts {
  readonly nodeVersion: string
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
export function checkBrowser(machine: Machine, choice: BrowserChoice, redirectPort: number): Finding {
  const { env, hasProgram } = machine
  const setting = settingOf(machine)
  const advice = loginAdvice(setting, `http://127.0.0.1:${redirectPort}/callback`)
  const chosen = chosenBrowser({ ...choice, env, isProgram: hasProgram, platform: machine.platform })
  if (typeof chosen === 'object') {
    const { program, source } = chosen
    if (hasProgram(program)) return ok('browser', `${program}, from ${source}`)
    return warn(
      'browser',
      `${program}, from ${source}, cannot be run. catchd prints the authorization URL instead.`,
      source === 'daemon.browser'
        ? 'catchd config set daemon.browser null'
        : withoutVariables([source], 'catchd daemon restart', machine),
    )
  }
  const off = `Switched off: none, from ${browserSource(choice)}. catchd prints the authorization URL.`
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

const XDG_OPEN: PackageNames = {
  apt: 'xdg-utils',
  dnf: 'xdg-utils',
  pacman: 'xdg-utils',
  zypper: 'xdg-utils',
  apk: 'xdg-utils',
}
