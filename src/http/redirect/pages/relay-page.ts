/**
 * The page that brings a fragment response to the listener: a browser does not send the fragment, so a script
 * repeats it as a query, which is then answered like any other (OAuth 2.0 Multiple Response Type Encoding
 * Practices §2.1).
 */
import { html } from './html.js'
import { type Page, PageScript, page } from './page.js'

// `replace`, so that the address with the code is not left in the history.
const RELAY = new PageScript(
  'if(location.hash.length>1)location.replace(location.pathname+"?"+location.hash.slice(1))',
)

export function relayPage(): Page {
  return page({
    status: 200,
    tone: 'waiting',
    headline: 'Reading the answer',
    summary: [
      html`<p>The authorization server answers in the part of the address that only your browser sees. A small script hands it over.</p>`,
      html`<p>If this page stays, scripts are switched off, or the address holds no answer: begin the login again.</p>`,
    ],
    script: RELAY,
  })
}
