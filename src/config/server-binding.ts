/**
 * The server that a secret is bound to, and whether a URL still belongs to it. Pure.
 *
 * A secret goes only to the server that it came from or was entered for (SECURITY.md#one-secret-one-server). Such a
 * server is an issuer and the URLs to which its secrets are sent. The URLs are derived from the table of profile keys,
 * so a new endpoint is covered when its key is added. What `preset`, `base_url` and `extends` mean is resolved before.
 * `ca_file` is not part of it: it says how a server is verified, and only the owner of the configuration can set it.
 */
import * as z from 'zod'
import { type Profile, SECRET_URLS, type ServerUrl } from './profile.js'

/** Also a part of records in the vault. */
export const BoundServer = z.object({
  /** The resolved issuer: also the one that a `resource_server` named. `null` if there is none. */
  issuer: z.string().nullable(),
  /** The known URLs by their keys in a profile. A URL that is not here comes from the metadata of the issuer. */
  urls: z.record(z.string(), z.string()),
})
export type BoundServer = Readonly<z.infer<typeof BoundServer>>

/** What the profile itself says about its server. Its `issuer` is `null` if a resource server names it. */
export function configuredServer(profile: Profile): BoundServer {
  return { issuer: profile.issuer ?? null, urls: secretUrls(profile) }
}

/** The URLs to which secrets are sent. */
export function secretUrls(named: { readonly [Key in ServerUrl]?: string | undefined }): BoundServer['urls'] {
  return Object.fromEntries(
    SECRET_URLS.flatMap((key): [string, string][] => {
      const url = named[key]
      return url === undefined ? [] : [[key, url]]
    }),
  )
}

/** A URL that a request with a secret is about to be sent to. */
export interface SecretPlace {
  readonly key: ServerUrl
  readonly url: string
  /** The metadata of this issuer names the URL; `null`: the profile names it. */
  readonly publishedBy: string | null
}

/**
 * @returns What is different now, as the end of "…, but"; `undefined` if the URL belongs to the server. A URL that the
 *   same issuer publishes is the choice of that server, so it may change.
 */
export function changeOfPlace(
  bound: BoundServer,
  { key, url, publishedBy }: SecretPlace,
): string | undefined {
  if (Object.values(bound.urls).includes(url)) return undefined
  if (publishedBy !== null && publishedBy === bound.issuer) return undefined
  if (publishedBy !== null && bound.issuer !== null) return changed('issuer', bound.issuer, publishedBy)
  return changed(key, bound.urls[key] ?? bound.issuer, url)
}

/**
 * Whether the tokens of `bound` can still be used with the profile as it is configured now. Sends no request.
 *
 * @returns Like {@link changeOfPlace}.
 */
export function changeOfServer(bound: BoundServer, profile: Profile): string | undefined {
  const { issuer = null } = profile
  if (issuer !== null && bound.issuer !== null && issuer !== bound.issuer) {
    return changed('issuer', bound.issuer, issuer)
  }
  const key = profile.refresh_endpoint === undefined ? 'token_endpoint' : 'refresh_endpoint'
  const url = profile[key]
  if (url !== undefined) return changeOfPlace(bound, { key, url, publishedBy: null })
  // Without an issuer, the resource server names it. That is compared when a request is sent.
  return issuer === null || issuer === bound.issuer ? undefined : changed('issuer', bound.issuer, issuer)
}

export function changed(key: keyof Profile, before: string | null, now: string): string {
  return before === null ? `${key} is now ${now}` : `${key} changed from ${before} to ${now}`
}
