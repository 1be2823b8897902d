/**
 * Opens a URL in the user's browser: only parsed http(s) URLs, and never through a shell (a shell was CVE-2025-6514 in a
 * similar program). A login does not fail if there is no browser: the URL is printed as well.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { CatchdError } from '../failures.js'
import { isInstalled } from '../process/installed-program.js'
import { type BrowserChoice, type BrowserCommand, browserSource, chosenBrowser } from './browser-command.js'

/**
 * @param choice - Without a command: what `BROWSER` names, otherwise the browser of the system.
 * @returns A function that opens a URL. It resolves when the program runs, or has ended without an error. It throws a
 *   CatchdError if the program is not there, cannot be started, or ends with an error at once. Its `next` names another
 *   browser.
 */
export function browserOpener(choice: BrowserChoice, env: NodeJS.ProcessEnv): (url: string) => Promise<void> {
  return async (text) => {
    const url = parseHttpUrl(text)
    const isProgram = (name: string) => isInstalled(name, env)
    const chosen = chosenBrowser({ ...choice, env, isProgram, platform: process.platform })
    if (chosen === 'none' || (chosen === undefined && !hasDisplay(env))) return
    try {
      if (chosen === undefined) await openWithSystem(url)
      else await start(chosen, url)
    } catch (error) {
      throw new CatchdError('internal', {
        detail: error instanceof Error ? error.message : '',
        next: otherBrowser(browserSource(choice)),
      })
    }
  }
}

/** The file counts for the next login. It wins over `BROWSER`, but not over `CATCHD_BROWSER`. */
function otherBrowser(source: string): string {
  return source === 'CATCHD_BROWSER'
    ? 'CATCHD_BROWSER=COMMAND catchd daemon restart'
    : 'catchd config set daemon.browser COMMAND'
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
  const inWords = (why: string) =>
    `The system's program that opens a browser ${why === NOT_FOUND ? 'was not found' : why}.`
  const child = await open(url).catch((error: unknown) => {
    throw new CatchdError('internal', inWords(whyNotStarted(error)))
  })
  await running(child, inWords)
}

/** The URL replaces `%s` in the arguments; without `%s` it is the last argument. */
function start({ program, args, source }: BrowserCommand, url: string): Promise<void> {
  const words = args.some((word) => word.includes('%s'))
    ? args.map((word) => word.replaceAll('%s', () => url))
    : [...args, url]
  const child = spawn(program, words, { detached: true, stdio: 'ignore', shell: false })
  return running(child, (why) =>
    why === NOT_FOUND
      ? `Browser command not found: ${program} (from ${source}).`
      : `The browser command ${program} (from ${source}) ${why}.`,
  )
}

function whyNotStarted(error: unknown): string {
  const { code = 'unknown' } = error as NodeJS.ErrnoException
  return code === 'ENOENT' ? NOT_FOUND : `cannot be started (${code})`
}

const NOT_FOUND = 'not found'

/** A launcher that finds no browser ends at once. A browser that was opened may run for hours. */
const AT_ONCE_MS = 1_500

/**
 * Resolves when the child has ended without an error, or has run for a moment.
 *
 * @throws CatchdError `internal` with a text that `inWords` makes of the cause
 */
function running(child: ChildProcess, inWords: (why: string) => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (why?: string) => {
      clearTimeout(timer)
      child.unref()
      if (why === undefined) resolve()
      else reject(new CatchdError('internal', inWords(why)))
    }
    const timer = setTimeout(end, AT_ONCE_MS)
    const exited = (code: number | null, signal: string | null) => {
      if (code === 0) end()
      else end(code === null ? `was ended by ${signal}` : `ended at once with exit code ${code}`)
    }
    child.once('error', (error) => end(whyNotStarted(error)))
    child.once('exit', exited)
    if (child.exitCode !== null) exited(child.exitCode, null)
  })
}
