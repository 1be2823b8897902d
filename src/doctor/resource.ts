/**
 * Whether the resource server of a profile still names the authorization server of the profile (RFC 9728). Only metadata
 * is read. Nothing is sent to a server that is named now.
 */
import type { Metadata } from '../authorization-server/metadata.js'
import type { Profile } from '../config/profile.js'
import { sameUrl } from '../text/same-url.js'
import { shellWord } from '../text/shell-word.js'
import { type Finding, ok, warn } from './finding.js'

/** @returns No findings if the profile names only one of the two, or if the resource publishes nothing now. */
export async function examineResource(
  { name, issuer, resource_server: url, ca_file }: Profile,
  metadata: Pick<Metadata, 'ofResource'>,
): Promise<Finding[]> {
  if (issuer === undefined || url === undefined) return []
  const check = 'resource'
  const resource = await metadata.ofResource(url, ca_file).catch(() => undefined)
  if (resource === undefined) return []
  if (resource.issuers.some((named) => sameUrl(named, issuer))) {
    return [ok(check, `${url} names the authorization server of the profile.`)]
  }
  return [
    warn(
      check,
      `${url} now names the authorization server ${resource.issuers[0]}, but the profile uses ${issuer}. If you trust the new one, log in there with a new client.`,
      `catchd login ${shellWord(url)} --name ${name} --issuer ${shellWord(resource.issuers[0])}`,
    ),
  ]
}
