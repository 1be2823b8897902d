/**
 * Running a command that tells a person something: without a shell, without input or output, not for long, and
 * without anything of the daemon's environment that may hold a secret.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { systemCode } from '../files.js'

const DEADLINE_MS = 30_000

export interface CommandCall {
  /** Program and arguments. */
  readonly command: readonly string[]
  /** All that it gets to see of the environment. */
  readonly environment: NodeJS.ProcessEnv
  /** Ends it early. */
  readonly signal?: AbortSignal
  /** Default 30,000. */
  readonly deadlineMs?: number
}

/**
 * Never rejects.
 *
 * @returns `null` when it ended with exit code 0; else a code: `ENOENT` and the like, `exit_3`, `SIGTERM`, `timeout`.
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

/** With everything that it started, where the system has process groups. */
function kill(child: ChildProcess, isGroupLeader: boolean): void {
  try {
    if (isGroupLeader && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    else child.kill('SIGKILL')
  } catch {
    // It has just ended by itself.
  }
}

/** Where programs, the person's files, the desktop session and this daemon are found, and in which language to speak. */
const PASSED = [
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_[A-Z]+|TZ|TMPDIR|BROWSER|CATCHD_HOME)$/,
  /^(?:DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|DBUS_SESSION_BUS_ADDRESS|WSL_DISTRO_NAME|WSL_INTEROP)$/,
  /^XDG_(?:RUNTIME_DIR|(?:CONFIG|STATE|DATA|CACHE)_HOME|(?:CONFIG|DATA)_DIRS|CURRENT_DESKTOP|SESSION_TYPE)$/,
  /^(?:SystemRoot|SystemDrive|windir|ComSpec|PATHEXT|TEMP|TMP|APPDATA|LOCALAPPDATA|ProgramData)$/i,
  /^(?:USERPROFILE|USERNAME|HOMEDRIVE|HOMEPATH|ProgramFiles(?:\(x86\))?|PSModulePath)$/i,
]

/** Client secrets and proxy passwords live in environments too: only what is known to be harmless is passed on. */
export function harmless(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isPassed = ([name]: [string, unknown]) =>
    PASSED.some((names) => names.test(name)) || /^path$/i.test(name)
  return Object.fromEntries(Object.entries(environment).filter(isPassed))
}
