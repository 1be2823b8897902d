/** The page for whoever has no session: how to get one. Says nothing about what is behind it. */
import { html } from '../redirect/pages/html.js'
import { command, type Page, PageScript, page } from '../redirect/pages/page.js'

/** Takes the link, which is used up or was never good, out of the address bar. */
const CLEAN_ADDRESS_BAR = new PageScript('history.replaceState(null,"","/")')

/** Why there is no session: nobody entered, the link was not good, a page elsewhere led here, or it is not yours. */
export type Stranger = 'stranger' | 'used' | 'elsewhere' | 'another user'

export function enterPage(stranger: Stranger): Page {
  switch (stranger) {
    case 'stranger':
      return page({
        status: 401,
        tone: 'lost',
        headline: 'Enter by catchd dashboard',
        summary: [
          html`<p>The dashboard opens by a link that this command prints. A session lasts for eight hours, and for one hour in which nothing is done.</p>`,
        ],
        body: command('Run next', 'catchd dashboard'),
      })
    case 'used':
      return page({
        status: 401,
        tone: 'over',
        headline: 'This link is used up',
        summary: [
          html`<p>A link opens the dashboard once, and within one minute.</p>`,
          html`<p>If you have not opened it before, somebody else has: their session is ended now. A new link brings you in.</p>`,
        ],
        body: command('Run next', 'catchd dashboard'),
        script: CLEAN_ADDRESS_BAR,
      })
    case 'another user':
      return page({
        status: 403,
        tone: 'denied',
        headline: 'This is another user’s dashboard',
        summary: [html`<p>A link opens the dashboard for the user who runs catchd. It was not used up.</p>`],
        body: command('For your own', 'catchd dashboard'),
        script: CLEAN_ADDRESS_BAR,
      })
    case 'elsewhere':
      return page({
        status: 403,
        tone: 'denied',
        headline: 'Another page led here',
        summary: [
          html`<p>The dashboard is not opened from the links of other pages. If you have a session in this browser, <a href="/">open the dashboard</a>.</p>`,
        ],
        body: command('Or enter by', 'catchd dashboard'),
      })
  }
}
