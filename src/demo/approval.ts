/**
 * Approves a request at the demo gateway without a browser: reads the page, posts its form and answers the HTTP Basic
 * challenge. Returns the URL of the redirect without following it.
 *
 * Uses node:http and node:https directly, so that a private CA can be set for a single request.
 */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { CatchdError } from '../failures.js'

export interface ApprovalOptions {
  readonly user: string
  readonly password: string
  /** Denies instead of approving. */
  readonly deny?: boolean
  /** PEM of the CA that signed the gateway's certificate. */
  readonly ca?: string
}

interface PageAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/**
 * @returns The authorization response: the URL in the redirect's Location header.
 * @throws CatchdError `provider_refused` if the gateway refuses the request or the credentials,
 *   `provider_unreachable` if it does not answer, `provider_answer_invalid` if its page has no such form.
 */
export async function approve(authorizationUrl: string, options: ApprovalOptions): Promise<string> {
  const shown = await exchange(authorizationUrl, { method: 'GET' }, options.ca)
  if (isRedirect(shown)) return locationOf(shown, authorizationUrl)
  if (shown.status !== 200) throw refused(shown)

  const form = readForm(shown.body, options.deny ? 'Deny' : 'Approve')
  const action = new URL(form.action, authorizationUrl).href
  const post = { method: 'POST', body: form.fields.toString() } as const
  let decided = await exchange(action, post, options.ca)
  if (decided.status === 401) {
    const credentials = Buffer.from(`${options.user}:${options.password}`).toString('base64')
    decided = await exchange(action, { ...post, authorization: `Basic ${credentials}` }, options.ca)
  }
  if (!isRedirect(decided)) throw refused(decided)
  return locationOf(decided, action)
}

function isRedirect({ status, headers }: PageAnswer): boolean {
  return (status === 302 || status === 303) && headers.location !== undefined
}

function locationOf({ headers }: PageAnswer, base: string): string {
  return new URL(headers.location ?? '', base).href
}

function refused({ status, body }: PageAnswer): CatchdError {
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

function exchange(
  url: string,
  sent: { method: string; body?: string; authorization?: string },
  ca: string | undefined,
): Promise<PageAnswer> {
  const headers = {
    accept: 'text/html',
    ...(sent.body === undefined
      ? {}
      : {
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': Buffer.byteLength(sent.body),
        }),
    ...(sent.authorization === undefined ? {} : { authorization: sent.authorization }),
  }
  return new Promise((resolve, reject) => {
    const fail = () =>
      reject(
        new CatchdError(
          'provider_unreachable',
          `The demo gateway at ${new URL(url).origin} does not answer.`,
        ),
      )
    const options = { method: sent.method, headers, agent: false, timeout: 10_000 }
    const request = url.startsWith('https:')
      ? httpsRequest(url, { ...options, ...(ca === undefined ? {} : { ca }) })
      : httpRequest(url, options)
    request.on('error', fail)
    request.on('timeout', () => request.destroy(new Error('timeout')))
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', fail)
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8')
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
      })
    })
    request.end(sent.body)
  })
}
