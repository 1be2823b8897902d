/**
 * Opens a URL in the user's browser: only parsed http(s) URLs, and never through a shell (a shell was CVE-2025-6514 in a
 * similar program). If there is no browser, nothing fails: the URL is printed as well.
 */
import { spawn } from 'node:child_process'
import { CatchdError } from '../failures.js'

/**
 * @param command - `CATCHD_BROWSER`: a program with arguments separated by spaces, `none`, or `null` for the system's
 *   default browser.
 * @returns A function that opens a URL; it resolves when the program was started.
 */
export function browserOpener(
  command: string | null,
  env: NodeJS.ProcessEnv,
): (url: string) => Promise<void> {
  // $BROWSER may list alternatives separated by colons; the first is preferred.
  const chosen = command ?? env['BROWSER']?.split(':')[0] ?? null
  return async (text) => {
    const url = parseHttpUrl(text)
    if (chosen === 'none' || (chosen === null && !hasDisplay(env))) return
    if (chosen === null) await openWithSystem(url)
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

/** The URL replaces `%s` in the command; without `%s` it is the last argument. */
function start(command: string, url: string): Promise<void> {
  const [program = '', ...rest] = command.split(/ +/)
  const words = rest.some((word) => word.includes('%s'))
    ? rest.map((word) => word.replaceAll('%s', url))
    : [...rest, url]
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { detached: true, stdio: 'ignore', shell: false })
    child.once('spawn', () => {
      child.unref()
      resolve()
    })
    child.once('error', () =>
      reject(new CatchdError('internal', `The browser command ${program} cannot be started.`)),
    )
  })
}
