/**
 * The layout of all pages of the redirect listener, and their content security policy.
 *
 * A page contains its style sheet and at most one script. The policy allows both by their hashes, and forbids loading
 * anything, frames, forms and `<base>`.
 */
import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { scopeNames } from '../../../text/scopes.js'
import { Html, html } from './html.js'
import { STYLE } from './style.js'

/** The kind of result that a page shows. It decides the colour and the icon. */
export type Tone = 'done' | 'denied' | 'failed' | 'waiting' | 'over' | 'lost'

/** A script of this program that a page contains, and its hash for the policy. */
export function pageScript(source: string) {
  return { element: html`<script>${new Html(source)}</script>`, cspSource: cspHash(source) }
}

export interface PageParts {
  readonly status: number
  readonly tone: Tone
  readonly headline: string
  /** What happened, in one to three paragraphs. */
  readonly summary: readonly Html[]
  readonly body?: Html
  readonly closing?: string
  readonly script?: ReturnType<typeof pageScript>
  /** Path that the script puts into the address bar. */
  readonly cleanPath?: string
  readonly refreshSeconds?: number
}

export interface Page {
  readonly status: number
  readonly body: string
  readonly contentSecurityPolicy: string
}

export function page(parts: PageParts): Page {
  const { status, tone, headline, summary, body = null, closing, script, cleanPath, refreshSeconds } = parts
  const document = html`<!doctype html>
<html lang="en"${cleanPath === undefined ? null : html` data-clean-path="${cleanPath}"`}>
<head>
<meta charset="utf-8">
<title>${headline} · catchd</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
${refreshSeconds === undefined ? null : html`<meta http-equiv="refresh" content="${refreshSeconds}">`}
${script?.element ?? null}
<style>${new Html(STYLE)}</style>
</head>
<body>
<main class="${tone}">
<header>${ICONS[tone]}<h1>${headline}</h1></header>
<div class="summary" role="status">${summary}</div>
${body}
${closing === undefined ? null : html`<p class="close">${closing}</p>`}
</main>
<footer>catchd, on this computer</footer>
</body>
</html>
`
  const scriptSource = script === undefined ? [] : [`script-src ${script.cspSource}`]
  const contentSecurityPolicy = policyWith(`style-src ${cspHash(STYLE)}`, ...scriptSource)
  return { status, body: document.toString(), contentSecurityPolicy }
}

/** A row of a list of facts. */
export function fact(term: string, description: Html): Html {
  return html`<div><dt>${term}</dt><dd>${description}</dd></div>`
}

/** The scopes of a token; `null` if the server does not say. */
export function scopes(scope: string | null): Html {
  const names = scopeNames(scope)
  if (names.length === 0) return html`${scope === null ? 'the server does not say' : 'none'}`
  return html`<ul class="chips">${names.map((name) => html`<li><code>${name}</code></li>`)}</ul>`
}

/** One command to run next. A click selects all of it. */
export function command(heading: string, text: string): Html {
  return html`<section aria-label="${heading}"><h2>${heading}</h2><pre><code>${text}</code></pre></section>`
}

/** A content security policy that forbids everything except these directives. */
export function policyWith(...directives: readonly string[]): string {
  return [
    "default-src 'none'",
    ...directives,
    "frame-ancestors 'none'",
    "form-action 'none'",
    "base-uri 'none'",
  ].join('; ')
}

export function sendPage(reply: FastifyReply, { status, body, contentSecurityPolicy }: Page): FastifyReply {
  return reply
    .header('content-security-policy', contentSecurityPolicy)
    .type('text/html; charset=utf-8')
    .code(status)
    .send(body)
}

function cspHash(source: string): string {
  return `'sha256-${createHash('sha256').update(source).digest('base64')}'`
}

function icon(strokes: Html): Html {
  return html`<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.25" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${strokes}</svg>`
}

const CLOCK = icon(html`<circle cx="12" cy="12" r="9"/><path d="M12 7v5l3.5 2"/>`)

const ICONS: Readonly<Record<Tone, Html>> = {
  done: icon(html`<path d="M4 12.5l5.5 5.5L20 6.5"/>`),
  denied: icon(html`<circle cx="12" cy="12" r="9"/><path d="M5.6 5.6l12.8 12.8"/>`),
  failed: icon(html`<path d="M12 4v10"/><path d="M12 19.5v.01"/>`),
  waiting: CLOCK,
  over: CLOCK,
  lost: icon(html`<path d="M8.5 8.5a3.5 3.5 0 1 1 5.2 3c-1.1.7-1.7 1.4-1.7 2.7"/><path d="M12 19v.01"/>`),
}
