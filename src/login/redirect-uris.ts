/**
 * Which redirect URIs the redirect listener answers for, and for whom. Pure look-ups by the scheme, the Host header and
 * the raw path of a request.
 */

/** Of a redirect URI. */
export type RedirectScheme = 'http' | 'https'

/** Without what a request does not show: `http://localhost:3000/cb?x=1` is at `http://localhost:3000/cb`. */
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

  /** The holders that a request to the redirect URI may be for. */
  at(redirectUri: string): ReadonlySet<Holder> {
    return this.#places.get(placeOf(redirectUri)) ?? new Set()
  }

  /**
   * @param scheme - Of the connection; `undefined` behind a tunnel, which hides the browser's.
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
