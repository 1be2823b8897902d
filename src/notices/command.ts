/**
 * Runs a command that notifies the user: without a shell, without input or output, for a limited time, and without the
 * variables of the daemon that can contain a secret.
 */
import { type ChildProcess, spawn } from 'node:child_process'

const DEADLINE_MS = 30_000

export interface CommandCall {
  /** Program and arguments. */
  readonly command: readonly string[]
  /** The whole environment of the command. */
  readonly environment: NodeJS.ProcessEnv
  /** Ends the command early. */
  readonly signal?: AbortSignal
  /** Default 30,000. */
  readonly deadlineMs?: number
}

/**
 * Never rejects.
 *
 * @returns `null` if the command ended with exit code 0; otherwise a code such as `ENOENT`, `exit_3`, `SIGTERM`, `timeout`.
 */
export function runCommand(call: CommandCall): Promise<string | null> {
  const { command, environment, signal, deadlineMs = DEADLINE_MS } = call
  const [program = '', ...args] = command
  const isGroupLeader = process.platform !== 'win32'
  if (signal?.aborted) return Promise.resolve('aborted')
  return new Promise((resolve) => {
    let child: ChildProcess
    try {
      child = spawn(program, args, {
        env: environment,
        stdio: 'ignore',
        shell: false,
        windowsHide: true,
        detached: isGroupLeader,
      })
    } catch (error) {
      return resolve(codeOf(error))
    }
    let isLate = false
    const end = () => kill(child, isGroupLeader)
    const timer = setTimeout(() => {
      isLate = true
      end()
    }, deadlineMs)
    const settle = (code: string | null) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve(code)
    }
    signal?.addEventListener('abort', end, { once: true })
    child.once('error', (error) => settle(codeOf(error)))
    child.once('exit', (exitCode, by) => {
      if (isLate) settle('timeout')
      else settle(exitCode === 0 ? null : (by ?? `exit_${exitCode}`))
    })
    return undefined
  })
}

/** Also ends the processes that the command started, if the system has process groups. */
function kill(child: ChildProcess, isGroupLeader: boolean): void {
  try {
    if (isGroupLeader && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    else child.kill('SIGKILL')
  } catch {
    // The command has already ended.
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}

/** The variables that say where programs, the user's files, the desktop session and this daemon are, and the language. */
const PASSED = [
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_[A-Z]+|TZ|TMPDIR|BROWSER|CATCHD_HOME)$/,
  /^(?:DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|DBUS_SESSION_BUS_ADDRESS|WSL_DISTRO_NAME|WSL_INTEROP)$/,
  /^XDG_(?:RUNTIME_DIR|(?:CONFIG|STATE|DATA|CACHE)_HOME|(?:CONFIG|DATA)_DIRS|CURRENT_DESKTOP|SESSION_TYPE)$/,
  /^(?:SystemRoot|SystemDrive|windir|ComSpec|PATHEXT|TEMP|TMP|APPDATA|LOCALAPPDATA|ProgramData)$/i,
  /^(?:USERPROFILE|USERNAME|HOMEDRIVE|HOMEPATH|ProgramFiles(?:\(x86\))?|PSModulePath)$/i,
]

/** An environment can contain client secrets and proxy passwords, so only known harmless variables are passed on. */
export function harmless(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isPassed = ([name]: [string, unknown]) =>
    PASSED.some((names) => names.test(name)) || /^path$/i.test(name)
  return Object.fromEntries(Object.entries(environment).filter(isPassed))
}
