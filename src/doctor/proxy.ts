/**
 * The HTTP proxy that this shell's variables name, and whether the daemon was started with the same variables. The
 * daemon keeps the variables it was started with.
 *
 * Shows the proxy's host and port and the names of variables, never their values: a value can hold a password.
 */
import { readFile } from 'node:fs/promises'
import { configuredProxy, PROXY_VARIABLES } from '../authorization-server/proxy-choice.js'
import { type Finding, failed, ok, warn } from './finding.js'
import type { Machine } from './machine.js'

export function checkProxy({ env }: Pick<Machine, 'env'>): Finding {
  const check = 'proxy'
  try {
    const proxy = configuredProxy(env)
    if (proxy === undefined) return ok(check, 'None. catchd connects to servers directly.')
    const { host, variable, authorization } = proxy
    const identity = authorization === undefined ? '' : ', with a user name and password'
    const exceptions =
      env['no_proxy'] || env['NO_PROXY'] ? ' catchd connects to servers in NO_PROXY directly.' : ''
    return ok(check, `${host}, from ${variable}${identity}.${exceptions}`)
  } catch (error) {
    return failed(check, error)
  }
}

/**
 * @param daemonEnv - The variables the daemon was started with; `undefined`: no daemon runs, or the system does not
 *   say.
 * @returns No findings if the variables are the same.
 */
export function compareProxies(
  { env }: Pick<Machine, 'env'>,
  daemonEnv: NodeJS.ProcessEnv | undefined,
): Finding[] {
  if (daemonEnv === undefined) return []
  const names = [...PROXY_VARIABLES, 'no_proxy', 'NO_PROXY']
  const others = names.filter((name) => (env[name] ?? '') !== (daemonEnv[name] ?? ''))
  if (others.length === 0) return []
  return [
    warn(
      'proxy of the daemon',
      `The daemon was started with other values of ${others.join(', ')} than this shell has. It uses its own values.`,
      'catchd daemon restart',
    ),
  ]
}

/** @returns The environment a process of this user was started with; `undefined` on systems other than Linux. */
export async function startEnvironment(pid: number): Promise<NodeJS.ProcessEnv | undefined> {
  const text = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const entries = text.split('\0').map((entry): [string, string] => {
    const [name = ''] = entry.split('=', 1)
    return [name, entry.slice(name.length + 1)]
  })
  return Object.fromEntries(entries)
}
