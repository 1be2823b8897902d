/**
 * The demo gateway's pages: the approval page for the resource owner, and the error page for requests that must not be
 * redirected (RFC 6749 §4.1.2.1). The pages load nothing and have no scripts.
 */
import { createHash } from 'node:crypto'
import { Html, html } from '../http/redirect/pages/html.js'
import type { Answer } from './gateway-wire.js'

const STYLE = `
:root { color-scheme: light dark; --ink: #16233a; --paper: #f3f5f8; --card: #fff; --line: #d5dbe5; --go: #0b63ce }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ebf3; --paper: #10151d; --card: #1a222e; --line: #313d4f; --go: #6aa9ff }
}
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { box-sizing: border-box; width: min(32rem, 94vw); margin: 1.5rem 0; padding: 2rem;
  background: var(--card); border: 1px solid var(--line); border-radius: 12px }
.tag { display: inline-block; padding: .1rem .6rem; border: 1px solid var(--line); border-radius: 99px;
  font-size: .8rem; letter-spacing: .04em }
h1 { margin: .8rem 0 .3rem; font-size: 1.35rem }
dl { margin: 1.2rem 0; padding: 1rem; border: 1px solid var(--line); border-radius: 8px }
dt { font-size: .8rem; opacity: .75 }
dd { margin: 0 0 .6rem; font-family: ui-monospace, monospace; font-size: .9rem; overflow-wrap: anywhere }
dd:last-child { margin-bottom: 0 }
form { display: inline }
button { font: inherit; padding: .55rem 1.4rem; margin-right: .5rem; border-radius: 8px; cursor: pointer;
  border: 1px solid var(--line); background: none; color: inherit }
button.go { background: var(--go); border-color: var(--go); color: var(--card) }
p.small { margin: 1.2rem 0 0; font-size: .85rem; opacity: .75 }
`

/**
 * There is no form-action directive: browsers also apply it to the redirect after the form, which goes to another
 * origin.
 */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; frame-ancestors 'none'; base-uri 'none'`

/** @param fields - The form's hidden fields. */
export function approvalPage({ action, ...fields }: Readonly<Record<string, string>>): Answer {
  const form = (approved: 'true' | 'false', label: 'Approve' | 'Deny') => html`
<form method="post" action="${action ?? ''}">
${Object.entries({ ...fields, approved }).map(hiddenField)}
<button type="submit" name="approve" value="${label}" class="${label === 'Approve' ? 'go' : ''}">${label}</button>
</form>`
  return page(
    200,
    'Approve access',
    html`<h1>Approve access?</h1>
<p>An application asks to use this gateway on your behalf.</p>
<dl>
<dt>Application</dt><dd>${fields['client_id'] ?? ''}</dd>
<dt>Scope</dt><dd>${fields['scope'] ?? ''}</dd>
<dt>Redirect URI</dt><dd>${fields['redirect_uri'] ?? ''}</dd>
</dl>${form('true', 'Approve')}${form('false', 'Deny')}
<p class="small">After you click Approve, the browser asks for your user name and password.</p>`,
  )
}

function hiddenField([name, value]: [string, string]): Html {
  return html`<input type="hidden" name="${name}" value="${value}">
`
}

/** The error page for requests that must not be redirected: an unknown client or redirect URI, missing credentials. */
export function refusalPage(status: number, reason: string, headers: Record<string, string> = {}): Answer {
  return page(
    status,
    'Request refused',
    html`<h1>Request refused</h1>
<p>${reason}</p>`,
    headers,
  )
}

function page(status: number, title: string, content: Html, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': POLICY,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      ...headers,
    },
    body: html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title} · Demo gateway</title><style>${new Html(STYLE)}</style></head>
<body><main>
<span class="tag">Demo gateway</span>
${content}
</main></body>
</html>
`.toString(),
  }
}
