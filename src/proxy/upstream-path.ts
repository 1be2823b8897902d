/** Paths between the proxy and its upstream: where a request goes, and where a redirect of the upstream leads. Pure. */
import { CatchdError } from '../failures.js'

export class UpstreamPath {
  /** Of the proxy's own paths: `/SECRET`, or empty. */
  readonly #prefix: string
  /** Of the upstream's paths, without a slash at the end. */
  readonly #base: string

  constructor(secret: string, upstream: URL) {
    this.#prefix = secret === '' ? '' : `/${secret}`
    this.#base = upstream.pathname.replace(/\/+$/, '')
  }

  /**
   * @param target - The request target in origin form, with its query. It is passed on as it was sent.
   * @returns The target at the upstream; `undefined` if the path is not below the random segment.
   * @throws CatchdError `request_invalid` if the path could lead out of the upstream's own path
   */
  outward(target: string): string | undefined {
    const [path = ''] = target.split('?', 1)
    if (path !== this.#prefix && !path.startsWith(`${this.#prefix}/`)) return undefined
    if (hasParentSegment(path)) {
      throw new CatchdError('request_invalid', {
        detail: 'The path contains `..`, which could lead out of the path of the upstream.',
        next: 'catchd help proxy',
      })
    }
    const outward = this.#base + target.slice(this.#prefix.length)
    return outward.startsWith('/') ? outward : `/${outward}`
  }

  /** A Location without a host, as the caller has to ask for it (RFC 9110 §10.2.2). */
  inward(location: string): string {
    const isBelow = location === this.#base || location.startsWith(`${this.#base}/`)
    if (!isBelow || location.startsWith('//')) return location
    return this.#prefix + location.slice(this.#base.length)
  }
}

/** Also encoded, more than once encoded, with a backslash, or with a path parameter (`..;`). */
function hasParentSegment(path: string): boolean {
  let plain = path
  for (;;) {
    const once = plain.replaceAll(/%(?:2[5ef]|3b|5c)/gi, decodeURIComponent)
    if (once === plain) break
    plain = once
  }
  return plain.split(/[/\\]/).some((segment) => /^\.\.(?:;|$)/.test(segment))
}
