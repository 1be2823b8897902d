/** The API over TCP with a browser that entered the dashboard, and what such a browser sends. */
import { expect } from 'vitest'
import { ProblemAnswer } from '../../../src/http/api/wire.js'
import type { ComposedOptions } from '../../support/composed-daemon.js'
import { type ServedApi, serveApi } from '../api/opened-api.js'
import type { RawAnswer } from '../redirect/raw-http.js'

export interface Browser {
  /** `name=value`, as it stands in the Cookie header. */
  readonly cookie: string
  /** What the page sends beside it. */
  readonly key: string
}

export interface EnteredApi extends ServedApi {
  readonly browser: Browser
}

/** A person opened it from outside: the terminal, a bookmark. */
export const NAVIGATION = ['Sec-Fetch-Site: none', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document']

export async function makeLink(api: ServedApi): Promise<string> {
  const answer = await api.socket({ method: 'POST', target: '/v1/dashboard/links' })
  expect(answer.status).toBe(201)
  const { url } = JSON.parse(answer.body) as { url: string }
  expect(new URL(url).origin).toBe(`http://127.0.0.1:${api.port}`)
  return new URL(url).pathname + new URL(url).search
}

/** Status and code of a refusal. */
export function outcome(answer: RawAnswer): [status: number, code: string] {
  return [answer.status, ProblemAnswer.parse(JSON.parse(answer.body)).code]
}

export function cookieOf(answer: RawAnswer): string {
  return answer.headers.get('set-cookie')?.split(';')[0] ?? ''
}

export function open(api: ServedApi, target: string, cookie = '', headers = NAVIGATION): Promise<RawAnswer> {
  return api.tcp({ target, headers: [...headers, ...(cookie === '' ? [] : [`Cookie: ${cookie}`])] })
}

export async function enter(api: ServedApi): Promise<Browser> {
  const entered = await open(api, await makeLink(api))
  expect([entered.status, entered.headers.get('location')]).toEqual([303, '/'])
  const cookie = cookieOf(entered)
  const page = await open(api, '/', cookie)
  expect(page.status).toBe(200)
  return { cookie, key: /name="catchd-page-key" content="([\w-]{43})"/.exec(page.body)?.[1] ?? '' }
}

/** With tokens of the profile `gw`, which a person has logged in to. */
export async function enteredApi(options?: ComposedOptions): Promise<EnteredApi> {
  const api = await serveApi(options)
  const browser = await enter(api)
  await api.logIn('gw')
  return { ...api, browser }
}

/** Headers of a call of the page; the Origin is there for everything but a GET. */
export function pageHeaders({ port, browser: { cookie, key } }: EnteredApi, method: string): string[] {
  return [
    `Cookie: ${cookie}`,
    `Catchd-Page-Key: ${key}`,
    'Sec-Fetch-Site: same-origin',
    'Sec-Fetch-Mode: cors',
    'Sec-Fetch-Dest: empty',
    ...(method === 'GET' ? [] : [`Origin: http://127.0.0.1:${port}`]),
  ]
}

export interface PageCall {
  /** Takes a header away, or replaces it: `['origin', 'Origin: null']`. */
  readonly change?: readonly [name: string, header: string | null]
  readonly body?: object
  readonly host?: string
}

/** A call as the page makes it, changed in one thing. */
export function callAs(
  api: EnteredApi,
  method: string,
  target: string,
  { change, body, host }: PageCall = {},
): Promise<RawAnswer> {
  const [name, header = null] = change ?? []
  const kept = pageHeaders(api, method).filter(
    (line) => name === undefined || !line.toLowerCase().startsWith(`${name}:`),
  )
  return api.tcp({
    method,
    target,
    ...(host === undefined ? {} : { host }),
    headers: [
      ...kept,
      ...(header === null ? [] : [header]),
      ...(body === undefined ? [] : ['Content-Type: application/json']),
    ],
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}
