/**
 * Opens a URL in the user's browser: only parsed http(s) URLs, and never through a shell (a shell was CVE-2025-6514 in a
 * similar program). If there is no browser, nothing fails: the URL is printed as well.
 */
import { spawn } from 'node:child_process'
import { CatchdError } from '../failures.js'
import { isInstalled } from '../process/installed-program.js'
import { type BrowserCommand, chosenBrowser } from './browser-command.js'

/**
 * @param command - `CATCHD_BROWSER`. `undefined`: what `BROWSER` names, otherwise the browser of the system.
 * @returns A function that opens a URL; it resolves when the program was started.
 */
export function browserOpener(
  command: string | undefined,
  env: NodeJS.ProcessEnv,
): (url: string) => Promise<void> {
  return async (text) => {
    const url = parseHttpUrl(text)
    const isProgram = (name: string) => isInstalled(name, env)
    const chosen = chosenBrowser({ command, env, isProgram, platform: process.platform })
    if (chosen === 'none' || (chosen === undefined && !hasDisplay(env))) return
    if (chosen === undefined) await openWithSystem(url)
    else await start(chosen, url)
  }
}

function parseHttpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new CatchdError(
      'profile_invalid',
      'The authorization URL is not an http or https URL; it was not opened.',
    )
  }
  return url.href
}

function hasDisplay(env: NodeJS.ProcessEnv): boolean {
  return (
    process.platform !== 'linux' ||
    Boolean(env['DISPLAY'] || env['WAYLAND_DISPLAY'] || env['WSL_DISTRO_NAME'])
  )
}

async function openWithSystem(url: string): Promise<void> {
  const { default: open } = await import('open')
  const child = await open(url)
  child.on('error', () => {}) // the URL is printed on the terminal too
}

/** The URL replaces `%s` in the arguments; without `%s` it is the last argument. */
function start({ program, args, source }: BrowserCommand, url: string): Promise<void> {
  const words = args.some((word) => word.includes('%s'))
    ? args.map((word) => word.replaceAll('%s', () => url))
    : [...args, url]
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { detached: true, stdio: 'ignore', shell: false })
    child.once('spawn', () => {
      child.unref()
      resolve()
    })
    child.once('error', () =>
      reject(
        new CatchdError('internal', `The browser command ${program}, from ${source}, cannot be started.`),
      ),
    )
  })
}
