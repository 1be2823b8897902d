/**
 * The page that sends a fragment response to the listener. A browser does not send the fragment itself, so a script
 * requests the same address with the fragment as its query (OAuth 2.0 Multiple Response Type Encoding Practices §2.1).
 */
import { html } from './html.js'
import { type Page, page, pageScript } from './page.js'

// `replace` keeps the address with the code out of the browser's history.
const RELAY = pageScript(
  'if(location.hash.length>1)location.replace(location.pathname+"?"+location.hash.slice(1))',
)

/** @param isExpected - Whether a login asked for a fragment response. If none did, there is probably no response. */
export function relayPage(isExpected: boolean): Page {
  return page({
    status: isExpected ? 200 : 400,
    tone: isExpected ? 'waiting' : 'lost',
    headline: isExpected ? 'Reading the response' : 'No authorization response',
    summary: isExpected
      ? [
          html`<p>The authorization server put its response into the part of the address that browsers do not send. A small script on this page sends it to catchd.</p>`,
          html`<p>If this page stays open, scripts are switched off or the address contains no response. Start the login again.</p>`,
        ]
      : [
          html`<p>This address was opened without a response of an authorization server.</p>`,
          html`<p>Other logins in progress are not affected.</p>`,
        ],
    script: RELAY,
  })
}
