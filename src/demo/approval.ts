/**
 * Approves a request at the demo gateway without a browser: reads the page, posts its form and answers the HTTP Basic
 * challenge. Returns the URL of the redirect without following it.
 */
import { CatchdError } from '../failures.js'
import { fetchOnce, type WebAnswer, type WebRequest } from './web-request.js'

interface ApprovalOptions {
  readonly user: string
  readonly password: string
  /** Denies instead of approving. */
  readonly deny?: boolean
  /** PEM of the CA that signed the gateway's certificate. */
  readonly ca?: string
}

/**
 * @returns The authorization response: the URL in the redirect's Location header.
 * @throws CatchdError `provider_refused` if the gateway refuses the request or the credentials,
 *   `provider_unreachable` if it does not answer, `provider_answer_invalid` if its page has no such form.
 */
export async function approve(authorizationUrl: string, options: ApprovalOptions): Promise<string> {
  const { ca } = options
  const shown = await exchange(authorizationUrl, { ca })
  if (shown.location !== undefined) return new URL(shown.location, authorizationUrl).href
  if (shown.status !== 200) throw refused(shown)

  const form = readForm(shown.body, options.deny ? 'Deny' : 'Approve')
  const action = new URL(form.action, authorizationUrl).href
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const post = { method: 'POST', headers, body: form.fields.toString(), ca }
  let decided = await exchange(action, post)
  if (decided.status === 401) {
    const authorization = `Basic ${Buffer.from(`${options.user}:${options.password}`).toString('base64')}`
    decided = await exchange(action, { ...post, headers: { ...headers, authorization } })
  }
  if (decided.location === undefined) throw refused(decided)
  return new URL(decided.location, action).href
}

function refused({ status, body }: WebAnswer): CatchdError {
  const reason = body.match(/<p>([^<]*)<\/p>/)?.[1]
  return new CatchdError(
    'provider_refused',
    `The demo gateway answered ${status}${reason === undefined ? '.' : `: ${unescapeHtml(reason)}`}`,
  )
}

/** The fields of the form whose submit button has this label, as a browser would send them. */
function readForm(page: string, label: string): { action: string; fields: URLSearchParams } {
  for (const [form] of page.matchAll(/<form[^>]*>[\s\S]*?<\/form>/g)) {
    const fields = new URLSearchParams()
    for (const [input] of form.matchAll(/<input [^>]*>/g))
      fields.append(attribute(input, 'name'), attribute(input, 'value'))
    const button = [...form.matchAll(/<button [^>]*>/g)].find(([tag]) => attribute(tag, 'value') === label)
    if (button === undefined) continue
    fields.append(attribute(button[0], 'name'), label)
    return { action: attribute(form.slice(0, form.indexOf('>') + 1), 'action'), fields }
  }
  throw new CatchdError(
    'provider_answer_invalid',
    `The demo gateway's page has no form to ${label.toLowerCase()}.`,
  )
}

function attribute(tag: string, name: string): string {
  return unescapeHtml(tag.match(new RegExp(`\\s${name}="([^"]*)"`))?.[1] ?? '')
}

const CHARACTERS: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
}

function unescapeHtml(text: string): string {
  return text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => CHARACTERS[entity] ?? entity)
}

async function exchange(url: string, request: WebRequest): Promise<WebAnswer> {
  try {
    return await fetchOnce(url, request)
  } catch {
    throw new CatchdError(
      'provider_unreachable',
      `The demo gateway at ${new URL(url).origin} does not answer.`,
    )
  }
}
