/** Paste-back: the URL that a browser on another machine ended on, as the response that it carries. Pure. */
import { CatchdError } from '../failures.js'
import type { PendingCatch, PendingLogin } from './login.js'

/**
 * The encoded parameters of a pasted URL, which must be on the login's own redirect URI.
 *
 * @throws CatchdError `redirect_malformed`
 */
export function responsePart(pasted: string, login: PendingLogin | PendingCatch): string {
  const url = URL.canParse(pasted.trim()) ? new URL(pasted.trim()) : undefined
  const expected = new URL(login.redirectUri)
  if (url === undefined || url.origin !== expected.origin || url.pathname !== expected.pathname) {
    throw new CatchdError('redirect_malformed', {
      ...(login.profile === null ? {} : { profile: login.profile }),
      detail: `The pasted text is not a URL that begins with ${login.redirectUri}.`,
    })
  }
  return url.search.length > 1 ? url.search.slice(1) : url.hash.slice(1)
}
