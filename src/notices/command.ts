/**
 * Runs a command that notifies the user: without a shell, without input or output, for a limited time, and only with
 * environment variables that hold no secret.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { systemCode } from '../files/whole-files.js'

const DEADLINE_MS = 30_000

export interface CommandCall {
  /** Program and arguments. */
  readonly command: readonly string[]
  /** Its whole environment. */
  readonly environment: NodeJS.ProcessEnv
  /** Ends it early. */
  readonly signal?: AbortSignal
  /** Default 30,000. */
  readonly deadlineMs?: number
}

/**
 * Never rejects.
 *
 * @returns `null` when it ended with exit code 0; otherwise a code: `ENOENT`, `exit_3`, `SIGTERM`, `timeout`, …
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
      return resolve(systemCode(error))
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
    child.once('error', (error) => settle(systemCode(error)))
    child.once('exit', (exitCode, by) => {
      if (isLate) settle('timeout')
      else settle(exitCode === 0 ? null : (by ?? `exit_${exitCode}`))
    })
    return undefined
  })
}

/** Also kills the programs that it started, if the system has process groups. */
function kill(child: ChildProcess, isGroupLeader: boolean): void {
  try {
    if (isGroupLeader && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    else child.kill('SIGKILL')
  } catch {
    // It has already ended.
  }
}

/** To find programs, the user's files, the desktop session and this daemon; and the language. */
const PASSED = [
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_[A-Z]+|TZ|TMPDIR|BROWSER|CATCHD_HOME)$/,
  /^(?:DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|DBUS_SESSION_BUS_ADDRESS|WSL_DISTRO_NAME|WSL_INTEROP)$/,
  /^XDG_(?:RUNTIME_DIR|(?:CONFIG|STATE|DATA|CACHE)_HOME|(?:CONFIG|DATA)_DIRS|CURRENT_DESKTOP|SESSION_TYPE)$/,
  /^(?:SystemRoot|SystemDrive|windir|ComSpec|PATHEXT|TEMP|TMP|APPDATA|LOCALAPPDATA|ProgramData)$/i,
  /^(?:USERPROFILE|USERNAME|HOMEDRIVE|HOMEPATH|ProgramFiles(?:\(x86\))?|PSModulePath)$/i,
]

/** Environments may contain client secrets and proxy passwords, so only variables known to be harmless are passed on. */
export function harmless(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isPassed = ([name]: [string, unknown]) =>
    PASSED.some((names) => names.test(name)) || /^path$/i.test(name)
  return Object.fromEntries(Object.entries(environment).filter(isPassed))
}
