/**
 * Which redirect URIs the redirect listener answers for: those of pending logins, of recently answered ones and of
 * the configured profiles. Pure look-ups by the Host header and the raw path of a request.
 */

/** Of a redirect URI. */
export type RedirectScheme = 'http' | 'https'

/** `http://localhost:3000/cb?x=1` → authority `localhost:3000`, path `http:/cb`. */
function partsOf(redirectUri: string): { authority: string; path: string } {
  const { protocol, host, pathname } = new URL(redirectUri)
  return { authority: host, path: `${protocol}${pathname}` }
}

/** Whether a browser that comes to one of them cannot be told from one that comes to the other. */
export function isSamePlace(one: string, other: string): boolean {
  const [a, b] = [partsOf(one), partsOf(other)]
  return a.authority === b.authority && a.path === b.path
}

/** Redirect URIs with the number of their holders. */
export class RedirectUris {
  readonly #paths = new Map<string, Map<string, { redirectUri: string; holders: number }>>()

  hold(redirectUri: string): void {
    const { authority, path } = partsOf(redirectUri)
    const paths = this.#paths.get(authority) ?? new Map()
    this.#paths.set(authority, paths)
    const entry = paths.get(path)
    if (entry === undefined) paths.set(path, { redirectUri, holders: 1 })
    else entry.holders += 1
  }

  release(redirectUri: string): void {
    const { authority, path } = partsOf(redirectUri)
    const paths = this.#paths.get(authority)
    const entry = paths?.get(path)
    if (paths === undefined || entry === undefined) return
    entry.holders -= 1
    if (entry.holders === 0) paths.delete(path)
    if (paths.size === 0) this.#paths.delete(authority)
  }

  /** @param scheme - Of the connection; `undefined` where a tunnel in front hides how the browser came. */
  find(authority: string, path: string, scheme?: RedirectScheme): string | undefined {
    const paths = this.#paths.get(authority)
    const found =
      scheme === undefined
        ? (paths?.get(`http:${path}`) ?? paths?.get(`https:${path}`))
        : paths?.get(`${scheme}:${path}`)
    return found?.redirectUri
  }

  knowsAuthority(authority: string): boolean {
    return this.#paths.has(authority)
  }
}
