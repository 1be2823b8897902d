/**
 * Finds the profile for a host, from the `hosts` in the configuration. Pure.
 *
 * An entry is a host (`git.example.com`), a host and port (`localhost:3000`), or a suffix (`*.example.com`). A host
 * without a port means the scheme's default port, so that no other service on the same machine gets the token.
 */
import { CatchdError } from '../../failures.js'

export interface HostEntry {
  readonly profile: string
  readonly hosts: readonly string[]
}

/** `https://Host:443/v1/` → `host`. A text that is not a host is returned in lower case. */
export function normalHost(asked: string): string {
  const text = asked.trim()
  const url = text.includes('://') ? text : `https://${text}`
  return URL.canParse(url) ? new URL(url).host : text.toLowerCase()
}

/**
 * @param user - The user name in the tool's request. A profile of that name is preferred.
 * @throws CatchdError `request_invalid` if several profiles have the host
 */
export function profileForHost(
  entries: readonly HostEntry[],
  asked: string,
  user?: string,
): string | undefined {
  const host = normalHost(asked)
  const exact = entries.filter(({ hosts }) => hosts.some((name) => normalHost(name) === host))
  const found =
    exact.length > 0 ? exact : entries.filter(({ hosts }) => hosts.some((name) => covers(name, host)))
  const named = found.find(({ profile }) => profile === user)
  if (named !== undefined || found.length <= 1) return (named ?? found[0])?.profile
  const names = found.map(({ profile }) => profile)
  throw new CatchdError('request_invalid', {
    detail: `Several profiles have the host ${host}: ${names.join(', ')}.`,
    next: `catchd credential --profile ${names[0]} …`,
  })
}

function covers(entry: string, host: string): boolean {
  return entry.startsWith('*.') && host.endsWith(entry.slice(1).toLowerCase())
}
