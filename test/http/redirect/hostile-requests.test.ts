/**
 * What the redirect listener refuses (SECURITY.md#nobody-else-gets-in). A refusal sends no token request and the pending
 * login survives.
 */
import { describe, expect, test } from 'vitest'
import { ANSWER_HEADERS } from '../../../src/http/http-listener.js'
import { CODE, GENUINE, type OpenedListener, openListener, STATE } from './opened-listener.js'
import { ask, exchange, type RawAnswer, rawRequest, readAnswer } from './raw-http.js'

const PATH = '/callback/gw'
const OTHER_PATH = '/callback/other'

interface Hostile {
  readonly name: string
  readonly status: number
  readonly send: (listener: OpenedListener) => Promise<RawAnswer>
}

function get(name: string, query: string, status = 400): Hostile {
  return { name, status, send: (listener) => listener.send({ target: `${PATH}?${query}` }) }
}

function withHeader(name: string, header: string, status = 403): Hostile {
  return {
    name,
    status,
    send: (listener) => listener.send({ target: `${PATH}?${GENUINE}`, headers: [header] }),
  }
}

function withHost(name: string, host: (listener: OpenedListener) => string | null, status = 403): Hostile {
  return {
    name,
    status,
    send: (listener) => listener.send({ target: `${PATH}?${GENUINE}`, host: host(listener) }),
  }
}

function withMethod(method: string, status = 405): Hostile {
  return {
    name: `${method} request`,
    status,
    send: (listener) => listener.send({ method, target: `${PATH}?${GENUINE}` }),
  }
}

function withPath(name: string, path: string, status = 404): Hostile {
  return { name, status, send: (listener) => listener.send({ target: `${path}?${GENUINE}` }) }
}

function withBytes(
  name: string,
  bytes: (listener: OpenedListener) => string | Buffer,
  status = 400,
): Hostile {
  return { name, status, send: (listener) => ask(listener.port, bytes(listener)) }
}

const HOSTILE: readonly Hostile[] = [
  { name: 'no query at all', status: 400, send: (listener) => listener.send({ target: PATH }) },
  get('empty query', ''),
  get('no state', `code=${CODE}`),
  get('empty state', `code=${CODE}&state=`),
  get('unknown state', `code=${CODE}&state=never-issued-0123456789`),
  get('state with one more character', `code=${CODE}&state=${STATE}x`),
  get('state in other case', `code=${CODE}&state=${STATE.toUpperCase()}`),
  get('repeated state', `${GENUINE}&state=${STATE}`),
  get('repeated code', `${GENUINE}&code=other`),
  get('repeated iss', `${GENUINE}&iss=https%3A%2F%2Fas.example&iss=https%3A%2F%2Fas.example`),
  get('repeated unknown parameter', `${GENUINE}&x=1&x=2`),
  get('state repeated under an encoded name', `${GENUINE}&%73tate=${STATE}`),
  get('code with error', `${GENUINE}&error=access_denied`),
  get('code alone', `code=${CODE}`),
  get('neither code nor error nor state', 'error_message=no'),
  get('state[]', `code=${CODE}&state[]=${STATE}`),
  get('__proto__', `code=${CODE}&__proto__=${STATE}&constructor=1`),
  get('__proto__[state]', `code=${CODE}&__proto__[state]=${STATE}`),
  get('error with wrong state', 'error=access_denied&state=never-issued-0123456789'),
  get('error without state', 'error=access_denied'),
  get('error of which a part is the state', `error=access_denied;state=${STATE}`),
  get('&amp; between the parameters', `code=${CODE}&amp;state=${STATE}`),
  get('bad percent-encoding', `code=${CODE}%zz&state=${STATE}`),
  get('cut percent-encoding', `code=${CODE}%&state=${STATE}`),
  get('bad UTF-8', `code=${CODE}%ff%fe&state=${STATE}`),
  get('overlong UTF-8', `code=%c0%af&state=${STATE}`),
  get('1,000 parameters', `${GENUINE}&${Array.from({ length: 1_000 }, (_, n) => `a${n}=`).join('&')}`),
  {
    name: "server A's state on server B's redirect URI",
    status: 400,
    send: (listener) => {
      listener.configure(`http://${listener.authority}${OTHER_PATH}`)
      return listener.send({ target: `${OTHER_PATH}?${GENUINE}` })
    },
  },
  withMethod('HEAD'),
  withMethod('OPTIONS'),
  withMethod('TRACE'),
  withMethod('PUT'),
  withMethod('DELETE'),
  withMethod('PROPFIND'),
  withMethod('POST'),
  {
    name: 'form POST where no form_post login pends',
    status: 405,
    send: (listener) =>
      listener.send({
        method: 'POST',
        target: PATH,
        headers: ['Content-Type: application/x-www-form-urlencoded'],
        body: GENUINE,
      }),
  },
  withHeader('prefetch', 'Sec-Purpose: prefetch'),
  withHeader('anonymous prefetch', 'Sec-Purpose: prefetch;anonymous-client-ip'),
  withHeader('prerender', 'Sec-Purpose: prefetch;prerender'),
  withHeader('prefetch of older browsers', 'Purpose: prefetch'),
  withHeader('prefetch of Firefox', 'X-Moz: prefetch'),
  withHeader('image destination', 'Sec-Fetch-Dest: image'),
  withHeader('iframe destination', 'Sec-Fetch-Dest: iframe'),
  withHeader('empty destination', 'Sec-Fetch-Dest: empty'),
  withHeader('no-cors mode', 'Sec-Fetch-Mode: no-cors'),
  withHeader('cors mode', 'Sec-Fetch-Mode: cors'),
  withHeader('websocket mode', 'Sec-Fetch-Mode: websocket'),
  withHeader('expectation that cannot be met', 'Expect: tea', 417),
  withHost('foreign Host', () => 'attacker.example'),
  withHost('rebound Host with our port', (listener) => `attacker.example:${listener.port}`),
  withHost('Host 0.0.0.0', (listener) => `0.0.0.0:${listener.port}`),
  withHost('Host localhost where 127.0.0.1 is meant', (listener) => `localhost:${listener.port}`),
  withHost('Host with trailing dot', (listener) => `127.0.0.1.:${listener.port}`),
  withHost('wrong port', () => '127.0.0.1:1'),
  withHost('no port', () => '127.0.0.1'),
  withHost('empty Host', () => ''),
  withHost('missing Host', () => null, 400),
  {
    name: 'Host of a redirect URI on another port',
    status: 403,
    send: (listener) => {
      listener.configure('http://127.0.0.1:1/callback/gw')
      return listener.send({ target: `${PATH}?${GENUINE}`, host: '127.0.0.1:1' })
    },
  },
  {
    name: 'HTTP/1.0 without Host',
    status: 403,
    send: (listener) => listener.send({ target: `${PATH}?${GENUINE}`, version: '1.0', host: null }),
  },
  withBytes('doubled Host', ({ authority }) =>
    rawRequest({ target: `${PATH}?${GENUINE}`, host: authority, headers: [`Host: ${authority}`] }),
  ),
  withBytes('foreign second Host', ({ authority }) =>
    rawRequest({ target: `${PATH}?${GENUINE}`, host: authority, headers: ['Host: attacker.example'] }),
  ),
  withBytes('absolute-form target', ({ authority }) =>
    rawRequest({ target: `http://${authority}${PATH}?${GENUINE}`, host: authority }),
  ),
  withBytes('CONNECT', ({ authority }) =>
    rawRequest({ method: 'CONNECT', target: authority, host: authority }),
  ),
  withPath('encoded path', '/%63allback/gw'),
  withPath('encoded slash', '/callback%2Fgw'),
  withPath('doubled slash', '//callback/gw'),
  withPath('trailing slash', '/callback/gw/'),
  withPath('dot segment', '/callback/./gw'),
  withPath('other case', '/Callback/gw'),
  withPath('semicolon', '/callback/gw;x'),
  withPath('badly encoded path', '/%zz'),
  withPath('favicon', '/favicon.ico'),
  withPath('result page of an unknown login', '/catchd/never-begun'),
  withPath('prototype key as refusal', '/catchd/refused/constructor'),
  withBytes(
    '1 MiB URL',
    ({ authority }) =>
      rawRequest({ target: `${PATH}?${GENUINE}&x=${'x'.repeat(1024 * 1024)}`, host: authority }),
    431,
  ),
  withBytes(
    'too many headers',
    ({ authority }) =>
      rawRequest({
        target: `${PATH}?${GENUINE}`,
        host: authority,
        headers: Array.from({ length: 1_000 }, (_, n) => `X-${n}: 0123456789`),
      }),
    431,
  ),
  withBytes(
    'CL+TE',
    ({ authority }) =>
      `POST ${PATH} HTTP/1.1\r\nHost: ${authority}\r\nContent-Type: application/x-www-form-urlencoded\r\n` +
      `Content-Length: ${GENUINE.length}\r\nTransfer-Encoding: chunked\r\n\r\n${GENUINE}`,
  ),
  withBytes('bare LF', ({ authority }) => `GET ${PATH}?${GENUINE} HTTP/1.1\nHost: ${authority}\n\n`),
  withBytes(
    'bare LF in the headers',
    ({ authority }) => `GET ${PATH}?${GENUINE} HTTP/1.1\r\nHost: ${authority}\nX: y\r\n\r\n`,
  ),
  withBytes(
    'obs-fold',
    ({ authority }) => `GET ${PATH}?${GENUINE} HTTP/1.1\r\nHost: ${authority}\r\nX: a\r\n b\r\n\r\n`,
  ),
  withBytes(
    'obs-fold in Host',
    ({ authority }) => `GET ${PATH}?${GENUINE} HTTP/1.1\r\nHost:\r\n ${authority}\r\n\r\n`,
  ),
  withBytes(
    'space before the colon',
    ({ authority }) => `GET ${PATH}?${GENUINE} HTTP/1.1\r\nHost : ${authority}\r\n\r\n`,
  ),
  withBytes(
    'NUL in a header',
    ({ authority }) => `GET ${PATH}?${GENUINE} HTTP/1.1\r\nHost: ${authority}\r\nX: a\0b\r\n\r\n`,
  ),
  withBytes('raw bytes in the target', ({ authority }) =>
    Buffer.from(`GET ${PATH}?${GENUINE}&x=\xff HTTP/1.1\r\nHost: ${authority}\r\n\r\n`, 'latin1'),
  ),
  withBytes('HTTP/0.9', () => `GET ${PATH}?${GENUINE}\r\n\r\n`),
  withBytes('TLS bytes on the plain port', () =>
    Buffer.from('16030100c8010000c40303aabbccddeeff00112233445566778899', 'hex'),
  ),
]

describe('a hostile request is refused, sends no token request, and the pending login survives', () => {
  test.each(HOSTILE)('$name: $status', async ({ status, send }) => {
    const listener = await openListener()
    const answer = await send(listener)
    expect(answer.status).toBe(status)
    expect(listener.tokenRequests()).toBe(0)
    expect(listener.isPending()).toBe(true)
    expect(answer.text).not.toContain(CODE)
    expect(answer.text).not.toContain(STATE)
    for (const [name, value] of Object.entries(ANSWER_HEADERS)) expect(answer.headers.get(name)).toBe(value)
    expect(JSON.stringify(listener.answers)).not.toMatch(/canary/)
    // The genuine response still counts.
    const genuine = await listener.send({ target: `${PATH}?${GENUINE}` })
    expect([genuine.status, listener.tokenRequests()]).toEqual([303, 1])
  })

  test('405 names the methods that are served', async () => {
    const listener = await openListener()
    expect((await listener.send({ method: 'HEAD', target: PATH })).headers.get('allow')).toBe('GET')
    const formPost = await openListener({ response_mode: 'form_post' })
    expect((await formPost.send({ method: 'PUT', target: PATH })).headers.get('allow')).toBe('GET, POST')
  })

  test('many guesses leave the login pending', async () => {
    const listener = await openListener()
    for (let guess = 0; guess < 500; guess += 50) {
      const requests = Array.from({ length: 50 }, (_, n) =>
        listener.send({ target: `${PATH}?code=x&state=guess-${String(guess + n).padStart(20, '0')}` }),
      )
      for (const answer of await Promise.all(requests)) expect(answer.status).toBe(400)
    }
    expect([listener.tokenRequests(), listener.isPending()]).toEqual([0, true])
  })

  test('an expired state is gone, and nothing is redeemed', async () => {
    const listener = await openListener()
    listener.clock.jump(600_000)
    const answer = await listener.send({ target: `${PATH}?${GENUINE}` })
    expect(answer.status).toBe(410)
    expect(listener.logins.find(listener.login.id)).toMatchObject({ failure: { code: 'login_expired' } })
    expect(listener.tokenRequests()).toBe(0)
  })

  test('a response when nothing pends on a configured redirect URI is refused', async () => {
    const listener = await openListener()
    listener.configure(`http://${listener.authority}${OTHER_PATH}`)
    for (const method of ['GET', 'POST']) {
      const answer = await listener.send({
        method,
        target: `${OTHER_PATH}${method === 'GET' ? '?code=x&state=y' : ''}`,
        headers: ['Content-Type: application/x-www-form-urlencoded'],
        ...(method === 'POST' ? { body: 'code=x&state=y' } : {}),
      })
      expect(answer.status).toBe(400)
    }
    expect(listener.tokenRequests()).toBe(0)
  })
})

const ISSUER = 'https://as.example'

describe("a response with the login's own state ends it", () => {
  test.each([
    ['error', {}, `error=server_error&state=${STATE}`, 'provider_refused'],
    ['access_denied', {}, `error=access_denied&state=${STATE}`, 'authorization_denied'],
    ['consent_required', {}, `error=consent_required&state=${STATE}`, 'authorization_denied'],
    ['wrong iss', { expectedIssuer: ISSUER }, `${GENUINE}&iss=https%3A%2F%2Fevil.example`, 'issuer_mismatch'],
    ['iss with a trailing slash', { expectedIssuer: ISSUER }, `${GENUINE}&iss=${ISSUER}/`, 'issuer_mismatch'],
    ['iss in other case', { expectedIssuer: ISSUER }, `${GENUINE}&iss=https://AS.example`, 'issuer_mismatch'],
    [
      'missing iss though advertised',
      { expectedIssuer: ISSUER, issRequired: true },
      GENUINE,
      'issuer_mismatch',
    ],
    ['neither code nor error', {}, `state=${STATE}`, 'provider_refused'],
    ['an empty code', {}, `code=&state=${STATE}`, 'provider_refused'],
    [
      'a text that is not UTF-8',
      {},
      `error=access_denied&error_description=%e9&state=${STATE}`,
      'authorization_denied',
    ],
    ['neither, of another iss', { expectedIssuer: ISSUER }, `state=${STATE}&iss=y`, 'issuer_mismatch'],
    ['error of another iss', { expectedIssuer: ISSUER }, `error=x&state=${STATE}&iss=y`, 'issuer_mismatch'],
  ])('%s', async (_name, options, query, code) => {
    const listener = await openListener({}, options)
    const answer = await listener.send({ target: `${PATH}?${query}` })
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toBe(listener.resultPath)
    const ended = listener.logins.find(listener.login.id)
    expect(ended).toMatchObject({ status: 'failed', failure: { code } })
    expect(listener.tokenRequests()).toBe(0)
    const after = await listener.send({ target: `${PATH}?${GENUINE}` })
    expect([after.status, listener.tokenRequests()]).toEqual([303, 0])
  })
})

describe('one response, one redemption', () => {
  test('twice at once', async () => {
    const listener = await openListener()
    const answers = await Promise.all([1, 2, 3].map(() => listener.send({ target: `${PATH}?${GENUINE}` })))
    expect(answers.map(({ status }) => status)).toEqual([303, 303, 303])
    expect(listener.tokenRequests()).toBe(1)
  })

  test('pipelined twice', async () => {
    const listener = await openListener()
    const one = `GET ${PATH}?${GENUINE} HTTP/1.1\r\nHost: ${listener.authority}\r\n`
    const text = await exchange(listener.port, `${one}\r\n${one}Connection: close\r\n\r\n`)
    expect(text.match(/HTTP\/1\.1 303/g)).toHaveLength(2)
    expect(listener.tokenRequests()).toBe(1)
  })

  test('a replay after success shows the result page again, and says so', async () => {
    const listener = await openListener()
    await listener.send({ target: `${PATH}?${GENUINE}` })
    const replay = await listener.send({ target: `${PATH}?${GENUINE}` })
    expect([replay.status, replay.headers.get('location')]).toEqual([303, `${listener.resultPath}?again`])
    const page = await listener.send({ target: `${listener.resultPath}?again` })
    expect(page.status).toBe(200)
    expect(page.body).toContain('Logged in: gw')
    expect(page.body).toContain('was already used')
    expect(listener.tokenRequests()).toBe(1)
  })
})

describe('form_post', () => {
  const form = 'Content-Type: application/x-www-form-urlencoded; charset=utf-8'

  test('a posted form is the response, and leads to a clean page; posted again it leads there again', async () => {
    const listener = await openListener({ response_mode: 'form_post' })
    const post = { method: 'POST', target: PATH, headers: [form], body: GENUINE }
    const [first, second] = [await listener.send(post), await listener.send(post)]
    expect([first.status, first.headers.get('location')]).toEqual([303, listener.resultPath])
    expect([second.status, second.headers.get('location')]).toEqual([303, `${listener.resultPath}?again`])
    expect(listener.tokenRequests()).toBe(1)
  })

  test.each([
    ['text/plain', 'Content-Type: text/plain', GENUINE, 415],
    ['multipart', 'Content-Type: multipart/form-data; boundary=x', GENUINE, 415],
    ['JSON', 'Content-Type: application/json', '{}', 415],
    ['a type that only begins so', 'Content-Type: application/x-www-form-urlencoded-not', GENUINE, 415],
    ['no type', 'X-None: 1', GENUINE, 415],
    ['a repeated parameter', form, `${GENUINE}&state=${STATE}`, 400],
    ['an empty form', form, '', 400],
    ['a body over 64 KiB', form, `${GENUINE}&x=${'x'.repeat(66_000)}`, 413],
    ['an iframe', `${form}\r\nSec-Fetch-Dest: iframe`, GENUINE, 403],
    ['fetch()', `${form}\r\nSec-Fetch-Mode: no-cors`, GENUINE, 403],
  ])('%s is refused', async (_name, header, body, status) => {
    const listener = await openListener({ response_mode: 'form_post' })
    const answer = await listener.send({ method: 'POST', target: PATH, headers: [header], body })
    expect(answer.status).toBe(status)
    expect([listener.tokenRequests(), listener.isPending()]).toEqual([0, true])
    expect(answer.text).not.toMatch(/canary/)
  })
})

describe('a long request', () => {
  const cookie = (bytes: number) => `Cookie: a=${'x'.repeat(bytes)}`

  test.each([
    ['cookies of other programs', GENUINE, [cookie(60_000)]],
    ['a long code', GENUINE.replace(CODE, CODE + 'x'.repeat(50_000)), []],
    ['a long code and cookies', GENUINE.replace(CODE, CODE + 'x'.repeat(4_200)), [cookie(30_000)]],
    ['200 headers', GENUINE, Array.from({ length: 200 }, (_, n) => `X-${n}: 1`)],
  ])('is read: %s', async (_what, query, headers) => {
    const listener = await openListener()
    const answer = await listener.send({ target: `${PATH}?${query}`, headers })
    expect([answer.status, listener.tokenRequests()]).toEqual([303, 1])
  })

  test('as a form, with a long code and a long id_token', async () => {
    const listener = await openListener({ response_mode: 'form_post' })
    const form = ['Content-Type: application/x-www-form-urlencoded', cookie(40_000)]
    const body = `${GENUINE}&id_token=${'x'.repeat(60_000)}`
    const answer = await listener.send({ method: 'POST', target: PATH, headers: form, body })
    expect([answer.status, listener.tokenRequests()]).toEqual([303, 1])
  })

  test.each([
    ['more than 64 KiB of cookies', [cookie(66_000)]],
    ['more than 255 headers', Array.from({ length: 256 }, (_, n) => `X-${n}: 1`)],
    [
      'headers beyond those that Node keeps',
      [...Array.from({ length: 2_100 }, () => 'X: 1'), 'Host: evil.example'],
    ],
  ])('beyond the limit gets a page that says cookies, and the login waits: %s', async (_what, headers) => {
    const listener = await openListener()
    const {
      status,
      body,
      headers: answered,
      text,
    } = await listener.send({ target: `${PATH}?${GENUINE}`, headers })
    expect(status).toBe(431)
    expect(body).toContain('Delete the cookies of this site')
    expect(answered.get('content-type')).toBe('text/html; charset=utf-8')
    expect(answered.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^;]+; frame-ancestors 'none'; form-action 'none'; base-uri 'none'$/,
    )
    for (const [name, value] of Object.entries(ANSWER_HEADERS)) expect(answered.get(name)).toBe(value)
    expect(text).not.toMatch(/canary|xxx/)
    expect(listener.missed).toEqual([
      { event: 'redirect.missed', why: 'long_headers', address: `http://${listener.authority}` },
    ])
    expect(listener.logins.hint(listener.login.id)).toContain('Usually these are cookies')
    expect(listener.isPending()).toBe(true)
    const again = await listener.send({ target: `${PATH}?${GENUINE}` })
    expect([again.status, listener.logins.hint(listener.login.id)]).toEqual([303, null])
  })
})

describe('the hint of a waiting login', () => {
  const HELLO = Buffer.from('16030100c8010000c40303aabbccddeeff00112233445566778899', 'hex')

  test('says that the browser used https, and that nothing else is lost', async () => {
    const listener = await openListener()
    const hint = () => listener.logins.hint(listener.login.id)
    expect(hint()).toBeNull()
    await ask(listener.port, HELLO)
    expect(hint()).toMatch(/used https on port \d+, .*HTTPS-only.*HSTS.*catchd login gw --paste$/)
    expect(listener.missed).toEqual([
      { event: 'redirect.missed', why: 'tls', address: `http://${listener.authority}` },
    ])
    expect(listener.listeners.lastMissed?.text).toContain('https')
  })

  test.each([
    ['an error without state', 'error=invalid_scope', 'an error without state (invalid_scope)'],
    ['an error of which only the server knows the name', 'error=canary_x', 'an error without state, so'],
    ['&amp;', `code=${CODE}&amp;state=${STATE}`, 'separated by &, not by &amp; or ;'],
    ['no state', `code=${CODE}`, '"state_echo": false'],
    ['bad encoding', `code=%&state=${STATE}`, 'The parameter code has invalid percent-encoding'],
    ['another state', `code=${CODE}&state=another-0123456789`, 'No login waits for this response'],
  ])('says why a response could not be used: %s', async (_what, query, text) => {
    const listener = await openListener()
    const { body } = await listener.send({ target: `${PATH}?${query}` })
    const hint = listener.logins.hint(listener.login.id)
    expect(hint).toContain(text)
    expect(hint).not.toMatch(/canary/)
    if (!text.includes('state_echo')) expect(body + hint).not.toContain('state_echo')
  })

  test('not what came before it, to another redirect URI, or from a person who looked', async () => {
    const listener = await openListener()
    const other = `http://${listener.authority}${OTHER_PATH}`
    listener.configure(other)
    await listener.send({ target: `${OTHER_PATH}?code=x` })
    await listener.send({ target: PATH })
    expect(listener.logins.hint(listener.login.id)).toBeNull()
    const late = await listener.pend({ redirect_uri: other }, 'state-2-0123456789')
    expect(listener.logins.hint(late.id)).toBeNull()
  })

  test('one that expires tells it', async () => {
    const listener = await openListener()
    await ask(listener.port, HELLO)
    listener.logins.cancel(listener.login.id, 'timeout')
    expect(listener.logins.find(listener.login.id)).toMatchObject({
      status: 'expired',
      failure: {
        code: 'login_expired',
        detail: expect.stringMatching(/\(--timeout\)\. The browser used https/),
      },
    })
  })

  test('a flood is logged a hundred times a minute', async () => {
    const listener = await openListener()
    for (let round = 0; round < 5; round += 1)
      await Promise.all(Array.from({ length: 30 }, () => ask(listener.port, HELLO)))
    expect(listener.missed).toHaveLength(100)
  })
})

describe('fragment', () => {
  test('is handed over even if a query was asked for', async () => {
    const listener = await openListener()
    const page = await listener.send({ target: PATH })
    expect([page.status, listener.isPending()]).toEqual([400, true])
    expect(page.body).toContain('location.replace(location.pathname')
  })

  test('an empty query is answered with a page that hands the fragment over, and changes nothing', async () => {
    const listener = await openListener({ response_mode: 'fragment' })
    const relay = await listener.send({ target: PATH })
    expect(relay.status).toBe(200)
    expect(relay.body).toContain('location.replace(location.pathname')
    expect([listener.tokenRequests(), listener.isPending()]).toEqual([0, true])
    const answer = await listener.send({ target: `${PATH}?${GENUINE}` })
    expect([answer.status, listener.tokenRequests()]).toEqual([303, 1])
  })

  test("a redirect URI's own query is no response", async () => {
    const listener = await openListener()
    const redirectUri = `http://${listener.authority}/cb?tenant=1`
    await listener.pend({ redirect_uri: redirectUri, response_mode: 'fragment' }, 'state-2-0123456789')
    expect((await listener.send({ target: '/cb?tenant=1' })).status).toBe(200)
  })
})

test('an error that is not ours ends in a page that does not repeat it', async () => {
  const listener = await openListener()
  listener.logins.answer = () => Promise.reject(new Error(`boom ${CODE}`))
  const answer = await listener.send({ target: `${PATH}?${GENUINE}` })
  expect(answer.status).toBe(500)
  expect(answer.text).not.toMatch(/boom|canary/)
})

test('what follows a refused request on its connection is not answered', async () => {
  const listener = await openListener()
  const text = await exchange(
    listener.port,
    `GET ${PATH}?${GENUINE} HTTP/1.1\nHost: x\r\n\r\nGET / HTTP/1.1\r\n\r\n`,
  )
  expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1)
  expect(readAnswer(text).status).toBe(400)
})
