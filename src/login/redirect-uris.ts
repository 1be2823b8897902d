/**
 * The redirect URIs that the redirect listener serves, and the profile or login of each. Pure. A redirect URI is found
 * by the scheme, the Host header and the raw path of a request.
 */

export type RedirectScheme = 'http' | 'https'

/** Only the parts that a request shows: `http://localhost:3000/cb?x=1` becomes `http://localhost:3000/cb`. */
function placeOf(redirectUri: string): string {
  const { protocol, host, pathname } = new URL(redirectUri)
  return `${protocol}//${host}${pathname}`
}

export class RedirectUris<Holder extends { readonly redirectUri: string }> {
  readonly #places = new Map<string, Set<Holder>>()

  hold(holder: Holder): void {
    const place = placeOf(holder.redirectUri)
    const holders = this.#places.get(place)
    if (holders === undefined) this.#places.set(place, new Set([holder]))
    else holders.add(holder)
  }

  release(holder: Holder): void {
    const place = placeOf(holder.redirectUri)
    const holders = this.#places.get(place)
    holders?.delete(holder)
    if (holders?.size === 0) this.#places.delete(place)
  }

  at(redirectUri: string): ReadonlySet<Holder> {
    return this.#places.get(placeOf(redirectUri)) ?? new Set()
  }

  /**
   * @param scheme - Of the browser's connection; `undefined` behind a tunnel, which hides it.
   * @returns One redirect URI, or two that differ in their scheme.
   */
  find(authority: string, path: string, scheme?: RedirectScheme): string[] {
    const schemes = scheme === undefined ? ['http', 'https'] : [scheme]
    return schemes.flatMap((each) => {
      const [first] = this.#places.get(`${each}://${authority}${path}`) ?? []
      return first?.redirectUri ?? []
    })
  }

  knowsAuthority(authority: string): boolean {
    return [...this.#places.keys()].some((place) => /^https?:\/\/([^/]*)/.exec(place)?.[1] === authority)
  }
}
