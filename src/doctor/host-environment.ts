/**
 * Where catchd runs, seen from the browser: whether a browser that follows the redirect reaches the loopback
 * interface of this machine, and what to do where it does not. For `catchd doctor` and `catchd login` alike.
 *
 * Pure over the facts that {@link hostEnvironment} gathers.
 */
import { existsSync } from 'node:fs'
import { release } from 'node:os'
import { isLoopbackHost } from '../config/loopback.js'

export interface HostEnvironment {
  readonly platform: NodeJS.Platform
  readonly env: NodeJS.ProcessEnv
  /** As `uname -r` says it; Microsoft's kernels name themselves. */
  readonly kernelRelease: string
  readonly isContainer: boolean
}

export type Setting = 'desktop' | 'ssh' | 'container' | 'wsl1' | 'wsl2' | 'no_display'

export interface LoginAdvice {
  /** Whether it is needed: `false` where the usual settings make the browser come back by itself. */
  readonly isNeeded: boolean
  readonly detail: string
  /** One command; `NAME` stands for the profile and `HOST` for this machine. */
  readonly next: string
}

export function hostEnvironment(): HostEnvironment {
  const { platform, env } = process
  const isContainer =
    platform === 'linux' &&
    (existsSync('/.dockerenv') ||
      existsSync('/run/.containerenv') ||
      Boolean(env['container'] || env['KUBERNETES_SERVICE_HOST']))
  return { platform, env, kernelRelease: release(), isContainer }
}

/**
 * A remote shell first: what it forwards leads here, be this a container or WSL. A display means a browser on this side
 * of every wall, except in WSL, which shows the browser of Windows all the same. Containers run on WSL's kernel, too.
 */
export function settingOf({ platform, env, kernelRelease, isContainer }: HostEnvironment): Setting {
  const isRemote = Boolean(env['SSH_CONNECTION'] || env['SSH_TTY'])
  if (platform !== 'linux') return isRemote ? 'ssh' : 'desktop'
  const hasDisplay = Boolean(env['DISPLAY'] || env['WAYLAND_DISPLAY'])
  if (isRemote) return hasDisplay ? 'desktop' : 'ssh'
  if (env['WSL_DISTRO_NAME'] || (!isContainer && /microsoft/i.test(kernelRelease))) {
    // 4.4.0-19041-Microsoft is no Linux at all and shares the network of Windows.
    return /-Microsoft$/.test(kernelRelease) ? 'wsl1' : 'wsl2'
  }
  if (hasDisplay) return 'desktop'
  return isContainer ? 'container' : 'no_display'
}

const PASTE = 'catchd login NAME --paste'
const ELSE = `Or paste back the URL that the browser ends on (${PASTE}), or use the device grant where the server has it.`

/**
 * @param redirectUri - Where the browser is sent; its port 0 is one that is not known yet.
 * @returns `undefined` where the browser comes back by itself.
 */
export function loginAdvice(setting: Setting, redirectUri: string): LoginAdvice | undefined {
  const { hostname, port } = new URL(redirectUri)
  // Anywhere else (`listen`), the person has made a way already.
  if (!isLoopbackHost(hostname)) return undefined
  const loopback = hostname === '[::1]' ? '[::1]' : '127.0.0.1'
  const local = port || (redirectUri.startsWith('https:') ? '443' : '80')
  switch (setting) {
    case 'ssh':
      return {
        isNeeded: true,
        detail:
          'An SSH session: the browser runs on another machine. From there, forward the port of the redirect URI ' +
          `to this machine (HOST), then open the URL. ${ELSE}`,
        next: port === '0' ? PASTE : `ssh -L ${local}:${loopback}:${local} HOST`,
      }
    case 'container':
      return {
        isNeeded: true,
        detail:
          'A container: a browser outside does not reach its loopback interface, and no published port leads there. ' +
          `On Linux, run it with --network host. ${ELSE}`,
        next: PASTE,
      }
    case 'no_display':
      return {
        isNeeded: true,
        detail:
          'No display here: the authorization URL is printed. Open it on another machine and paste back the URL ' +
          'that browser ends on, or use the device grant where the server has it.',
        next: PASTE,
      }
    case 'wsl2':
      return {
        isNeeded: false,
        detail:
          `WSL 2: the browser of Windows reaches ${loopback} here while localhostForwarding is on (as it is unless ` +
          `.wslconfig says otherwise) or networkingMode is mirrored. If it does not come back: ${PASTE}`,
        next: PASTE,
      }
    case 'wsl1':
    case 'desktop':
      return undefined
  }
}
