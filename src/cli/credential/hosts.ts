/**
 * Which profile a host's tokens come from, by the `hosts` of the configuration. Pure.
 *
 * An entry is a host (`git.example.com`), a host and port (`localhost:3000`), or a suffix (`*.example.com`). A host
 * without port means the scheme's own port: a token is not handed to another service of the same machine.
 */
import { CatchdError } from '../../failures.js'

export interface HostEntry {
  readonly profile: string
  readonly hosts: readonly string[]
}

/** `https://Host:443/v1/` → `host`; what is no host is given back as it is. */
export function normalHost(asked: string): string {
  const text = asked.trim()
  const url = text.includes('://') ? text : `https://${text}`
  return URL.canParse(url) ? new URL(url).host : text.toLowerCase()
}

/**
 * @param user - A user name that the tool asks for; a profile of that name is preferred.
 * @throws CatchdError `request_invalid` when several profiles name the host
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
    detail: `Several profiles name the host ${host}: ${names.join(', ')}.`,
    next: `catchd credential --profile ${names[0]} …`,
  })
}

function covers(entry: string, host: string): boolean {
  return entry.startsWith('*.') && host.endsWith(entry.slice(1).toLowerCase())
}
