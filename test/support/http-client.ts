/**
 * One HTTP exchange at a time, without following redirects, over TCP, TLS or a unix socket; and a session
 * that keeps cookies and fills in forms, for servers whose pages are driven without a browser.
 *
 * node:http rather than fetch, which neither sends Host and Sec-Fetch headers as told nor speaks over sockets.
 */
import {
  type Agent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http'
import { request as httpsRequest } from 'node:https'

export interface ExchangeOptions {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string
  /** PEM of the CA to trust. */
  readonly ca?: string
  readonly socketPath?: string
  /** Keeps connections as a browser does; by default each exchange has one of its own. */
  readonly agent?: Agent
  /** Default 30,000. */
  readonly timeoutMs?: number
}

export interface Exchanged {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Rejects with the system's error, or after `timeoutMs` without a complete answer. */
export function exchange(url: string, options: ExchangeOptions = {}): Promise<Exchanged> {
  const { method = 'GET', headers, body, ca, socketPath, agent = false, timeoutMs = 120_000 } = options
  return new Promise((resolve, reject) => {
    const start = url.startsWith('https:') ? httpsRequest : httpRequest
    const request = start(url, {
      method,
      agent,
      signal: AbortSignal.timeout(timeoutMs),
      headers: { ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }), ...headers },
      ...(ca === undefined ? {} : { ca }),
      ...(socketPath === undefined ? {} : { socketPath }),
    })
    request.on('error', reject)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text })
      })
    })
    request.end(body)
  })
}

interface Cookie {
  readonly host: string
  readonly path: string
  readonly name: string
  readonly value: string
}

/** Keeps cookies by host, path and name, which is all that the servers here rely on. */
export class CookieSession {
  readonly #cookies = new Map<string, Cookie>()
  readonly #ca: string | undefined

  constructor(ca?: string) {
    this.#ca = ca
  }

  async send(url: string, options: ExchangeOptions = {}): Promise<Exchanged> {
    const cookie = this.#cookieHeader(new URL(url))
    const answer = await exchange(url, {
      ...options,
      headers: { ...options.headers, ...(cookie === '' ? {} : { cookie }) },
      ...(this.#ca === undefined ? {} : { ca: this.#ca }),
    })
    for (const line of answer.headers['set-cookie'] ?? []) this.#keep(new URL(url), line)
    return answer
  }

  sendJson(method: string, url: string, value: unknown): Promise<Exchanged> {
    return this.send(url, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(value),
    })
  }

  postForm(url: string, fields: Readonly<Record<string, string>>): Promise<Exchanged> {
    return this.send(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields).toString(),
    })
  }

  #cookieHeader(url: URL): string {
    return [...this.#cookies.values()]
      .filter(({ host, path }) => host === url.host && url.pathname.startsWith(path))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
  }

  #keep(url: URL, line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
    const equals = pair.indexOf('=')
    const [name, value] = [pair.slice(0, equals), pair.slice(equals + 1)]
    const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? '/'
    this.#cookies.set(`${url.host} ${path} ${name}`, { host: url.host, path, name, value })
  }
}

/** Where a redirect leads, or `undefined` for any other answer. */
export function redirectTarget(answer: Exchanged, base: string): string | undefined {
  const { location } = answer.headers
  return answer.status >= 300 && answer.status < 400 && location !== undefined
    ? new URL(location, base).href
    : undefined
}

export interface HtmlForm {
  readonly action: string
  readonly fields: Readonly<Record<string, string>>
}

/** The first form of a page, with what its inputs hold. */
export function readForm(page: string, base: string): HtmlForm | undefined {
  const form = page.match(/<form[^>]*>[\s\S]*?<\/form>/)?.[0]
  if (form === undefined) return undefined
  const fields: Record<string, string> = {}
  for (const [input] of form.matchAll(/<input [^>]*>/g)) {
    const name = htmlAttribute(input, 'name')
    if (name !== undefined) fields[name] = htmlAttribute(input, 'value') ?? ''
  }
  return { action: new URL(htmlAttribute(form, 'action') ?? '', base).href, fields }
}

function htmlAttribute(tag: string, name: string): string | undefined {
  const raw = tag.match(new RegExp(`\\s${name}="([^"]*)"`))?.[1]
  return raw
    ?.replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}
