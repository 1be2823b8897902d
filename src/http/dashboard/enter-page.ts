/** The page for a browser without a session. It says how to get one, and shows nothing of the dashboard. */
import { html } from '../redirect/pages/html.js'
import { command, type Page, type PageParts, page, pageScript } from '../redirect/pages/page.js'

/** Removes the link from the address bar. It was already used or never valid. */
const CLEAN_ADDRESS_BAR = pageScript('history.replaceState(null,"","/")')

/** Why there is no session: no link was opened, the link is not valid, another page led here, or it is another user's. */
export type NoSession = 'none' | 'used' | 'elsewhere' | 'another user'

export function enterPage(reason: NoSession): Page {
  const { heading = 'Run next', ...parts } = PAGES[reason]
  return page({ ...parts, body: command(heading, 'catchd dashboard') })
}

const PAGES: Readonly<Record<NoSession, Omit<PageParts, 'body'> & { readonly heading?: string }>> = {
  none: {
    status: 401,
    tone: 'lost',
    headline: 'Run catchd dashboard to open this page',
    summary: [
      html`<p>The command prints a link that opens the dashboard. A session ends after eight hours, or after one hour without activity.</p>`,
    ],
  },
  used: {
    status: 401,
    tone: 'over',
    headline: 'This link is no longer valid',
    summary: [
      html`<p>A link works only once, and only within one minute.</p>`,
      html`<p>If you have not opened this link before, somebody else has. Their session has now been ended. Use a new link to open the dashboard.</p>`,
    ],
    script: CLEAN_ADDRESS_BAR,
  },
  'another user': {
    status: 403,
    tone: 'denied',
    headline: 'This is another user’s dashboard',
    summary: [
      html`<p>The link works only for the user who runs this catchd. It is still valid for that user.</p>`,
    ],
    heading: 'To open your own dashboard',
    script: CLEAN_ADDRESS_BAR,
  },
  elsewhere: {
    status: 403,
    tone: 'denied',
    headline: 'Opened from another page',
    summary: [
      html`<p>Links on other pages cannot open the dashboard. If this browser has a session, <a href="/">open the dashboard</a>.</p>`,
    ],
    heading: 'Otherwise run',
  },
}
