/**
 * Which redirect URIs the redirect door answers for: those of pending logins, of recently answered ones and of
 * the configured profiles. Pure look-ups by the Host header and the raw path of a request.
 */

/** `http://localhost:3000/cb?x=1` → authority `localhost:3000`, path `/cb`. */
function partsOf(redirectUri: string): { authority: string; path: string } {
  const { host, pathname } = new URL(redirectUri)
  return { authority: host, path: pathname }
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

  find(authority: string, path: string): string | undefined {
    return this.#paths.get(authority)?.get(path)?.redirectUri
  }

  knowsAuthority(authority: string): boolean {
    return this.#paths.has(authority)
  }
}
