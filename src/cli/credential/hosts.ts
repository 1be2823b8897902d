/**
 * Finds the profile for a host that a tool asks about, from the `hosts` in the configuration. Pure.
 *
 * What is not plainly a host gets nothing: the tool may read it in another way. Over plain http a token would be readable
 * on the network, so only this machine gets it there (SECURITY.md#tls-is-always-verified).
 *
 * An entry is a host (`git.example.com`), a host and port (`localhost:3000`), or a suffix (`*.example.com`). A host
 * without a port means the scheme's default port, so that no other service on the same machine gets the token.
 */
import { isTlsOrLoopback } from '../../config/loopback.js'
import { CatchdError } from '../../failures.js'

export interface HostEntry {
  readonly profile: string
  readonly hosts: readonly string[]
}

const NAME = /[a-z0-9](?:[a-z0-9._-]*[a-z0-9_-])?|\[[0-9a-f:.]+\]/.source
/** Scheme, authority, and after a scheme also a path. */
const ASKED = new RegExp(
  `^(?:(https?)://)?((?:${NAME})(?::[1-9]\\d{0,4})?)([/?][\\x21-\\x5b\\x5d-\\x7e]*)?$`,
  'i',
)

/**
 * `https://Host:443/v1/` → `host`.
 *
 * @param asked - A host, a host and port, or an http or https URL.
 * @returns `undefined` for anything else, and for a URL with plain http that leads to another machine.
 */
export function askedHost(asked: string): string | undefined {
  const [, scheme, authority = '', path] = ASKED.exec(asked) ?? []
  const url = `${scheme ?? 'https'}://${authority}`
  if (!URL.canParse(url) || (scheme === undefined && path !== undefined)) return undefined
  const { protocol, host, hostname, port } = new URL(url)
  if (!isTlsOrLoopback({ protocol, hostname })) return undefined
  // Other spellings of an address (127.1, 0x7f.1) become one here, which the tool may not do.
  const spelled = port === '' ? authority.replace(/:(?:80|443)$/, '') : authority
  return spelled.toLowerCase() === host ? host : undefined
}

/** A host of the configuration as it is compared. A text that is not a host is returned in lower case. */
export function normalHost(entry: string): string {
  const text = entry.trim()
  const url = text.includes('://') ? text : `https://${text}`
  return URL.canParse(url) ? new URL(url).host : text.toLowerCase()
}

/**
 * @param host - As {@link askedHost} returns it.
 * @param user - The user name in the tool's request. A profile of that name is preferred.
 * @throws CatchdError `request_invalid` if several profiles have the host
 */
export function profileForHost(
  entries: readonly HostEntry[],
  host: string,
  user?: string,
): string | undefined {
  const exact = entries.filter(({ hosts }) => hosts.some((name) => normalHost(name) === host))
  const found =
    exact.length > 0 ? exact : entries.filter(({ hosts }) => hosts.some((name) => covers(name, host)))
  const named = found.find(({ profile }) => profile === user)
  if (named !== undefined || found.length <= 1) return (named ?? found[0])?.profile
  const names = found.map(({ profile }) => profile)
  throw new CatchdError('request_invalid', {
    detail: `Several profiles have the host ${host}: ${names.join(', ')}. Choose one with --profile, or remove the host from the others.`,
    next: `catchd profile edit ${names.at(-1)}`,
  })
}

function covers(entry: string, host: string): boolean {
  return entry.startsWith('*.') && host.endsWith(entry.slice(1).toLowerCase())
}
