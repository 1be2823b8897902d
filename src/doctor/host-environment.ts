/**
 * Whether the user's browser can reach the loopback interface of this machine, and what to do if it cannot. The answer
 * depends on where catchd runs: on a desktop, in an SSH session, in a container, or in WSL. `catchd doctor` and
 * `catchd login` both use it.
 *
 * Pure over the facts that {@link hostEnvironment} gathers.
 */
import { existsSync } from 'node:fs'
import { release } from 'node:os'
import { isLoopbackHost } from '../config/loopback.js'

export interface HostEnvironment {
  readonly platform: NodeJS.Platform
  readonly env: NodeJS.ProcessEnv
  /** The output of `uname -r`. Microsoft's kernels have "microsoft" in it. */
  readonly kernelRelease: string
  readonly isContainer: boolean
}

export type Setting = 'desktop' | 'ssh' | 'container' | 'wsl1' | 'wsl2' | 'no_display'

export interface LoginAdvice {
  /** `false` where the redirect works with the system's default settings. */
  readonly isNeeded: boolean
  readonly detail: string
  /** One command. `NAME` stands for the profile and `HOST` for this machine. */
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
 * SSH is checked first: a forwarded port reaches this environment even if it is a container or WSL. A display means
 * that the browser runs here, except in WSL, where catchd opens the browser of Windows. Containers can run on the WSL
 * kernel, so a Microsoft kernel alone does not mean WSL.
 */
export function settingOf({ platform, env, kernelRelease, isContainer }: HostEnvironment): Setting {
  const isRemote = Boolean(env['SSH_CONNECTION'] || env['SSH_TTY'])
  if (platform !== 'linux') return isRemote ? 'ssh' : 'desktop'
  const hasDisplay = Boolean(env['DISPLAY'] || env['WAYLAND_DISPLAY'])
  if (isRemote) return hasDisplay ? 'desktop' : 'ssh'
  if (env['WSL_DISTRO_NAME'] || (!isContainer && /microsoft/i.test(kernelRelease))) {
    // WSL 1 (4.4.0-19041-Microsoft) has no Linux kernel and shares the network of Windows.
    return /-Microsoft$/.test(kernelRelease) ? 'wsl1' : 'wsl2'
  }
  if (hasDisplay) return 'desktop'
  return isContainer ? 'container' : 'no_display'
}

const PASTE = 'catchd login NAME --paste'
const ELSE = `Or paste the final URL from the browser's address bar (${PASTE}), or use the device grant if the server supports it.`

/**
 * @param redirectUri - The profile's redirect URI. Port 0 means that the port is not known yet.
 * @returns `undefined` where the redirect works without any help.
 */
export function loginAdvice(setting: Setting, redirectUri: string): LoginAdvice | undefined {
  const { hostname, port } = new URL(redirectUri)
  // With another host, the user has set `listen` and has arranged how the browser gets here.
  if (!isLoopbackHost(hostname)) return undefined
  const loopback = hostname === '[::1]' ? '[::1]' : '127.0.0.1'
  const local = port || (redirectUri.startsWith('https:') ? '443' : '80')
  switch (setting) {
    case 'ssh':
      return {
        isNeeded: true,
        detail:
          'This is an SSH session, so the browser runs on another machine. On that machine, forward the port of the ' +
          `redirect URI to this machine (HOST), then open the URL. ${ELSE}`,
        next: port === '0' ? PASTE : `ssh -L ${local}:${loopback}:${local} HOST`,
      }
    case 'container':
      return {
        isNeeded: true,
        detail:
          'catchd runs in a container, so the browser on your host cannot reach its loopback interface, not even ' +
          `through a published port. On Linux, run the container with --network host. ${ELSE}`,
        next: PASTE,
      }
    case 'no_display':
      return {
        isNeeded: true,
        detail:
          'This machine has no display, so catchd prints the authorization URL. Open it on another machine and paste ' +
          'the final URL from that browser, or use the device grant if the server supports it.',
        next: PASTE,
      }
    case 'wsl2':
      return {
        isNeeded: false,
        detail:
          `catchd runs in WSL 2. The browser of Windows reaches ${loopback} if localhostForwarding is on (the default ` +
          `in .wslconfig) or if networkingMode is mirrored. If the redirect does not arrive, run: ${PASTE}`,
        next: PASTE,
      }
    case 'wsl1':
    case 'desktop':
      return undefined
  }
}
