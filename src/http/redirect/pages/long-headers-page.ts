/**
 * The page for a browser whose headers are too long to be read. Its address stays as it is: the response in it is not used
 * yet, and loading the page again after the cookies are deleted finishes the login.
 */
import type { UnreadAnswer } from '../../http-listener.js'
import { html } from './html.js'
import { page } from './page.js'

/** @returns `undefined`: other requests that cannot be read do not come from browsers, and get no page. */
export function unreadPage(status: number): UnreadAnswer | undefined {
  if (status !== 431) return undefined
  const { body, contentSecurityPolicy } = page({
    status,
    tone: 'lost',
    headline: 'Too many cookies',
    summary: [
      html`<p>The browser sent more than 64 KiB of headers, so catchd did not read its request. Usually these are cookies: programs on all ports of this host share them.</p>`,
      html`<p>Delete the cookies of this site in the browser, and then load this page again. The login still waits.</p>`,
    ],
  })
  return { contentType: 'text/html; charset=utf-8', body, contentSecurityPolicy }
}
