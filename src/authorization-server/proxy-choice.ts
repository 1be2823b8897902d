/**
 * Chooses the proxy for a request by the variables of curl and most tools: HTTPS_PROXY, ALL_PROXY, HTTP_PROXY and
 * NO_PROXY. Lower-case names have priority.
 *
 * Pure. Only `authorization` contains the proxy's password. Messages use `host`, `variable` and `user`. Loopback
 * hosts never use a proxy, because for the proxy they would mean its own machine.
 */
import { BlockList, isIP } from 'node:net'
import { mayBeThisMachine } from '../config/loopback.js'
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import { withoutVariables } from '../text/without-variables.js'

export interface HttpProxy {
  /** Whether the connection to the proxy uses TLS (`https://` in the variable). */
  readonly isSecure: boolean
  /** Without brackets. */
  readonly hostname: string
  readonly port: number
  /** Host and port, for messages. */
  readonly host: string
  /** The variable that names it. */
  readonly variable: string
  /** The user name in the variable, for messages; `undefined` if it has no password and could itself be a secret. */
  readonly user: string | undefined
  /** Value of `Proxy-Authorization` (RFC 7617), if the variable contains a user name. */
  readonly authorization: Secret | undefined
}

/** In order of priority. HTTP_PROXY is the last choice, as in undici's EnvHttpProxyAgent: some companies set only that one. */
export const PROXY_VARIABLES: readonly string[] = [
  'https_proxy',
  'HTTPS_PROXY',
  'all_proxy',
  'ALL_PROXY',
  'http_proxy',
  'HTTP_PROXY',
]

/**
 * @returns `undefined`: no proxy is used.
 * @throws CatchdError `provider_unreachable` if the variable names no usable proxy. It is never ignored, because the
 *   variable forbids a direct connection
 */
export function proxyFor(server: URL, env: NodeJS.ProcessEnv): HttpProxy | undefined {
  return isDirect(server, env) ? undefined : configuredProxy(env)
}

/** The proxy for servers that are not in NO_PROXY. @throws like {@link proxyFor} */
export function configuredProxy(env: NodeJS.ProcessEnv): HttpProxy | undefined {
  const variable = PROXY_VARIABLES.find((name) => env[name]?.trim())
  return variable === undefined ? undefined : readProxy(variable, env[variable]?.trim() ?? '')
}

function readProxy(variable: string, value: string): HttpProxy {
  // `proxy:3128` is short for `http://proxy:3128`. As a URL it would have the scheme `proxy`.
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.hostname === '') throw unusable(variable, 'is not the URL of a proxy')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw unusable(variable, `names a ${url.protocol.slice(0, -1)} proxy, which catchd cannot use`)
  }
  // A password with `/`, `?` or `#` as it is: what looks like the host is then part of it, and must not be named.
  if (`${url.pathname}${url.search}${url.hash}`.includes('@')) {
    throw unusable(variable, 'contains a password with special characters that are not percent-encoded')
  }
  const isSecure = url.protocol === 'https:'
  return {
    isSecure,
    hostname: withoutBrackets(url.hostname),
    port: Number(url.port) || (isSecure ? 443 : 80),
    host: url.host,
    variable,
    user: userOf(url),
    authorization: authorizationOf(url),
  }
}

function unusable(variable: string, what: string): CatchdError {
  return new CatchdError('provider_unreachable', {
    detail: `${variable} ${what}. Set HTTPS_PROXY to http://HOST:PORT, or add the servers that need no proxy to NO_PROXY.`,
    next: withoutVariables([variable], 'catchd daemon restart'),
  })
}

function authorizationOf({ username, password }: URL): Secret | undefined {
  if (username === '' && password === '') return undefined
  const credentials = `${percentDecoded(username)}:${percentDecoded(password)}`
  return new Secret(`Basic ${Buffer.from(credentials).toString('base64')}`)
}

function userOf({ username, password }: URL): string | undefined {
  const user = percentDecoded(username)
  return password !== '' && /^[\x21-\x7e]{1,64}$/.test(user) ? user : undefined
}

/** A password with a `%` that is not an encoding is used unchanged. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Whether a server is always reached without a proxy. */
function isDirect({ hostname, port, protocol }: URL, env: NodeJS.ProcessEnv): boolean {
  if (mayBeThisMachine(hostname)) return true
  const list = env['no_proxy'] || env['NO_PROXY'] || ''
  const host = withoutBrackets(hostname).replace(/\.$/, '')
  const serverPort = port || (protocol === 'https:' ? '443' : '80')
  return list.split(/[\s,]+/).some((entry) => entry !== '' && covers(entry.toLowerCase(), host, serverPort))
}

/**
 * @param entry - `*`; a name, which also covers its subdomains, with or without `.` or `*.` before it; an address;
 *   addresses like `10.0.0.0/8`. A name or an address can have a port.
 */
function covers(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true
  if (entry.includes('/')) return isWithin(host, entry)
  const [, name = entry, onlyPort = port] = /^(\[.+\]|[^:]+):(\d+)$/.exec(entry) ?? []
  if (onlyPort !== port) return false
  const bare = withoutBrackets(name)
    .replace(/^\*?\./, '')
    .replace(/\.$/, '')
  if (isIP(host) !== 0) return isWithin(host, `${bare}/${isIP(bare) === 6 ? 128 : 32}`)
  return host === bare || host.endsWith(`.${bare}`)
}

function isWithin(host: string, range: string): boolean {
  const [network = '', bits = ''] = range.split('/')
  const family = isIP(withoutBrackets(network))
  if (family === 0 || family !== isIP(host) || !/^\d{1,3}$/.test(bits)) return false
  if (Number(bits) > (family === 6 ? 128 : 32)) return false
  const type = family === 6 ? 'ipv6' : 'ipv4'
  const list = new BlockList()
  list.addSubnet(withoutBrackets(network), Number(bits), type)
  return list.check(host, type)
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.+)\]$/, '$1')
}
