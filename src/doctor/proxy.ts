/**
 * The proxy on the way to authorization servers, as the variables of this shell name it, and whether the daemon was
 * started with the same ones: it keeps those of its start.
 *
 * Host, port and names of variables are told, values never: they may hold a password.
 */
import { readFile } from 'node:fs/promises'
import { configuredProxy, PROXY_VARIABLES } from '../authorization-server/proxy-choice.js'
import { type Finding, failed, ok, warn } from './finding.js'
import type { Machine } from './machine.js'

export function checkProxy({ env }: Pick<Machine, 'env'>): Finding {
  const check = 'proxy'
  try {
    const proxy = configuredProxy(env)
    if (proxy === undefined) return ok(check, 'None: servers are reached directly.')
    const { host, variable, authorization } = proxy
    const identity = authorization === undefined ? '' : ', with a user name and password'
    const exceptions = env['no_proxy'] || env['NO_PROXY'] ? ' Servers in NO_PROXY are reached directly.' : ''
    return ok(check, `${host}, from ${variable}${identity}.${exceptions}`)
  } catch (error) {
    return failed(check, error)
  }
}

/**
 * @param daemonEnv - What the daemon was started with; `undefined`: none runs, or the system does not tell.
 * @returns Nothing where there is nothing to say.
 */
export function compareProxies(
  { env }: Pick<Machine, 'env'>,
  daemonEnv: NodeJS.ProcessEnv | undefined,
): Finding[] {
  if (daemonEnv === undefined) return []
  const others = PROXY_VARIABLES.filter((name) => (env[name] ?? '') !== (daemonEnv[name] ?? ''))
  if (others.length === 0) return []
  return [
    warn(
      'proxy of the daemon',
      `The daemon was started with other values of ${others.join(', ')} than this shell has, and goes by those.`,
      'catchd daemon restart',
    ),
  ]
}

/** The environment that a process of this user was started with, where the system tells (Linux). */
export async function startEnvironment(pid: number): Promise<NodeJS.ProcessEnv | undefined> {
  const text = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const entries = text.split('\0').map((entry): [string, string] => {
    const [name = ''] = entry.split('=', 1)
    return [name, entry.slice(name.length + 1)]
  })
  return Object.fromEntries(entries)
}
