/**
 * What servers really publish: documents at the wrong place, documents that are none, members of the wrong type, challenges
 * to some requests alone. Each row is one odd vendor; discovery goes on until something fits, and believes nothing more.
 */
import { createServer } from 'node:net'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Profile } from '../../src/config/profile.js'
import { testProfile } from '../support/fake-authorization-servers.js'
import {
  authorizationServers,
  type FakeServer,
  failureOf,
  type Handler,
  json,
  listen,
  startFakeServer,
} from './fake-server.js'

let vendor: FakeServer
let other: FakeServer
beforeEach(async () => {
  vendor = await startFakeServer()
  other = await startFakeServer()
})

const OIDC = '/.well-known/openid-configuration'
const OAUTH = '/.well-known/oauth-authorization-server'
const RESOURCE = '/.well-known/oauth-protected-resource'

const metadata = (issuer: string, members: object = {}) => ({
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  registration_endpoint: `${issuer}/register`,
  code_challenge_methods_supported: ['S256'],
  ...members,
})

const described = (members: object = {}) => ({
  resource: `${vendor.base}/mcp`,
  authorization_servers: [other.base],
  ...members,
})

const answer =
  (status: number, body = '', headers: Record<string, string> = {}): Handler =>
  (_request, response) =>
    response.writeHead(status, headers).end(body)

const challenged = (field: string, status = 401): Handler =>
  answer(status, 'no', { 'www-authenticate': field })

const onlyTo =
  (method: string, handler: Handler, rest: Handler = answer(405)): Handler =>
  (request, response) =>
    (request.method === method ? handler : rest)(request, response)

const discover = (url: string, deadlineMs?: number) =>
  authorizationServers(deadlineMs === undefined ? {} : { deadlineMs }).discovery.discover(url)

/** Documents without a use, at an address that comes first. */
const USELESS: [string, () => Handler][] = [
  ['of another issuer', () => json(metadata('https://honest.example'))],
  ['of the issuer below it', () => json(metadata(`${vendor.base}/deeper`))],
  ['a page', () => answer(200, '<!doctype html><div id="root">', { 'content-type': 'text/html' })],
  ['an error as JSON', () => json({ error: 'not_found', message: 'No route' })],
  ['an error of JSON-RPC', () => json({ jsonrpc: '2.0', id: null, error: { code: -32000, message: 'x' } })],
  ['an OpenAPI document', () => json({ openapi: '3.1.0', info: { title: 'x', version: '1' }, paths: {} })],
  ['a list', () => json([metadata(vendor.base)])],
  ['null', () => answer(200, 'null')],
  ['nothing', () => answer(200)],
  ['no content', () => answer(204)],
  ['cut JSON', () => answer(200, '{"issuer": "htt')],
  ['no issuer', () => json(metadata(vendor.base, { issuer: undefined }))],
  ['an issuer that is null', () => json(metadata(vendor.base, { issuer: null }))],
  ['an issuer that is a list', () => json(metadata(vendor.base, { issuer: [vendor.base] }))],
  ['more than 1 MiB', () => answer(200, `{"x":"${'x'.repeat(1_100_000)}"}`)],
  ['an unknown coding', () => answer(200, '{}', { 'content-encoding': 'x-unknown' })],
  ['401', () => answer(401)],
  ['403', () => answer(403)],
  ['410', () => answer(410)],
  ['429', () => answer(429)],
  ['500', () => answer(500)],
  ['502', () => answer(502)],
  ['a closed connection', () => (_request, response) => void response.destroy()],
  ['a redirect to another server', () => answer(302, '', { location: `${other.base}${OIDC}` })],
  ['a redirect to nowhere', () => answer(302)],
  ['a redirect without an end', () => answer(307, '', { location: '?again' })],
  ['a redirect to a file', () => answer(301, '', { location: 'file:///etc/passwd' })],
]

describe('an authorization server whose first address has', () => {
  test.each(USELESS)('%s', async (_name, useless) => {
    vendor.routes.set(OIDC, useless())
    vendor.routes.set(OAUTH, json(metadata(vendor.base)))
    expect(await discover(vendor.base)).toMatchObject({ issuer: vendor.base, registersClients: true })
    expect(other.seen, 'nothing leads to another server').toEqual([])
  })

  test('no answer at all is not waited for', async () => {
    vendor.routes.set(OIDC, () => undefined)
    vendor.routes.set(OAUTH, json(metadata(vendor.base)))
    expect(await discover(vendor.base, 2_500)).toMatchObject({ issuer: vendor.base })
  })

  test.each([301, 302, 303, 307, 308])('a %i to another path of it', async (status) => {
    vendor.routes.set(OIDC, answer(status, '', { location: '/oidc/config' }))
    vendor.routes.set('/oidc/config', json(metadata(vendor.base)))
    expect(await discover(vendor.base)).toMatchObject({ issuer: vendor.base })
  })

  test.each(USELESS)('%s, and nothing anywhere else', async (_name, useless) => {
    vendor.routes.set(OIDC, useless())
    const failure = await failureOf(discover(vendor.base))
    expect(failure.code).toMatch(/^provider_(?:answer_invalid|unreachable)$|^issuer_mismatch$/)
    expect(failure.detail).toContain(`${vendor.base}${OIDC} (`)
    expect(failure.detail).toContain(`${vendor.base}${OAUTH} (404)`)
    expect(other.seen).toEqual([])
  })
})

describe('an issuer with a path has its metadata', () => {
  test.each([
    ['behind its path', `/realm/a${OIDC}`],
    ['between host and path', `${OAUTH}/realm/a`],
    ['between host and path, for OpenID Connect', `${OIDC}/realm/a`],
    ['behind its path, for OAuth', `/realm/a${OAUTH}`],
  ])('%s', async (_name, place) => {
    vendor.routes.set(OIDC, json(metadata(vendor.base)))
    vendor.routes.set(place, json(metadata(`${vendor.base}/realm/a`)))
    expect(await discover(`${vendor.base}/realm/a/`)).toMatchObject({ issuer: `${vendor.base}/realm/a` })
  })

  test('but not that of the issuer of its host', async () => {
    vendor.routes.set(`/realm/a${OIDC}`, json(metadata(vendor.base)))
    const failure = await failureOf(discover(`${vendor.base}/realm/a`))
    expect(failure).toMatchObject({ code: 'issuer_mismatch', next: 'catchd profile add --help' })
    expect(failure.detail).toContain(`names another issuer: ${vendor.base}.`)
  })

  test.each(['{tenantid}', '{org}', '%7Btenantid%7D'])(
    'and a template like %s is no issuer',
    async (part) => {
      const template = `${vendor.base}/${part}/v2.0`
      vendor.routes.set(`/common/v2.0${OIDC}`, json(metadata(template)))
      const failure = await failureOf(discover(`${vendor.base}/common/v2.0`))
      expect(failure).toMatchObject({ code: 'issuer_mismatch', next: 'catchd presets' })
      expect(failure.detail).toContain(
        `${template}. That is a template. Set issuer to the issuer of your tenant.`,
      )
    },
  )

  test('and a spelling with capitals or a port that is not needed counts as the same', async () => {
    vendor.routes.set(OAUTH, json(metadata(vendor.base)))
    const { port } = new URL(vendor.base)
    expect(await discover(`HTTP://127.0.0.1:${port}/`)).toMatchObject({ issuer: vendor.base })
  })
})

describe('two documents of one issuer', () => {
  test('complete each other, and the first one decides', async () => {
    const first = metadata(vendor.base, { registration_endpoint: undefined, scopes_supported: ['a'] })
    vendor.routes.set(OIDC, json(first))
    const second = {
      ...metadata(vendor.base),
      token_endpoint: `${vendor.base}/other`,
      scopes_supported: ['b'],
    }
    vendor.routes.set(OAUTH, json(second))
    const servers = authorizationServers()
    expect(await servers.discovery.discover(vendor.base)).toMatchObject({ registersClients: true })
    vendor.routes.set('/register', json({ client_id: 'c-1' }, 201))
    const description = { clientName: 'x', redirectUri: 'http://127.0.0.1/cb', scope: 'b' }
    expect(await servers.discovery.register(vendor.base, description)).toMatchObject({ clientId: 'c-1' })
    expect(vendor.members(), 'b is only in the second document').not.toHaveProperty('scope')
  })

  test.each([
    ['another issuer', 'https://honest.example'],
    ['the issuer with a slash', 'slash'],
  ])('only if the other one is not of %s', async (_name, issuer) => {
    vendor.routes.set(OIDC, json(metadata(vendor.base, { registration_endpoint: undefined })))
    const base = issuer === 'slash' ? `${vendor.base}/` : issuer
    vendor.routes.set(OAUTH, json({ ...metadata(vendor.base), issuer: base }))
    expect(await discover(vendor.base)).toMatchObject({ registersClients: false })
  })

  test('each with one endpoint', async () => {
    const { authorization_endpoint, ...back } = metadata(vendor.base)
    const { token_endpoint: _, ...front } = metadata(vendor.base, {
      token_endpoint: 'http://id.example.com/t',
    })
    vendor.routes.set(OIDC, json({ ...front, authorization_endpoint, token_endpoint: '/token' }))
    vendor.routes.set(OAUTH, json(back))
    expect(await discover(vendor.base)).toMatchObject({ issuer: vendor.base })
  })
})

describe('a resource names its metadata', () => {
  beforeEach(() => {
    other.routes.set(OAUTH, json(metadata(other.base)))
  })
  const place = () => `${vendor.base}/there`
  const bearer = (scope = '') => challenged(`Bearer ${scope}resource_metadata="${place()}"`)

  test.each<[string, () => Handler]>([
    ['a POST alone', () => onlyTo('POST', bearer())],
    ['a POST alone, and GET is missing', () => onlyTo('POST', bearer(), answer(404))],
    ['a POST alone, and GET is a page', () => onlyTo('POST', bearer(), answer(200, '<html>'))],
    ['a POST alone, and GET wants to be asked otherwise', () => onlyTo('POST', bearer(), answer(406))],
    ['a POST alone, and GET is refused without it', () => onlyTo('POST', bearer(), challenged('Bearer'))],
    [
      'a POST alone, and GET breaks',
      () => onlyTo('POST', bearer(), (_request, response) => void response.destroy()),
    ],
    ['a GET alone', () => onlyTo('GET', bearer())],
    ['both with 403', () => challenged(`Bearer error="x", resource_metadata="${place()}"`, 403)],
    ['both with 400', () => challenged(`Bearer resource_metadata="${place()}"`, 400)],
    ['a page that is for all', () => challenged(`Bearer resource_metadata="${place()}"`, 200)],
    [
      'behind Basic',
      () => challenged(`Basic realm="x, resource_metadata=y", Bearer resource_metadata="${place()}"`),
    ],
    ['for DPoP', () => challenged(`DPoP algs="ES256", resource_metadata="${place()}"`)],
    [
      'in a field that AWS renamed',
      () => answer(401, '', { 'x-amzn-remapped-www-authenticate': `Bearer resource_metadata="${place()}"` }),
    ],
    [
      'twice, first a wrong one',
      () => challenged(`Bearer resource_metadata="${vendor.base}/no", resource_metadata="${place()}"`),
    ],
    ['as a path', () => challenged('Bearer resource_metadata="/there"')],
    ['as a path without quotes', () => challenged('Bearer resource_metadata=/there')],
  ])('to %s', async (_name, mcp) => {
    vendor.routes.set('/there', json(described()))
    vendor.routes.set('/mcp', mcp())
    expect(await discover(`${vendor.base}/mcp`)).toMatchObject({
      issuer: other.base,
      resource: `${vendor.base}/mcp`,
    })
    expect(vendor.seen.filter(({ method }) => method !== 'GET' && method !== 'POST')).toEqual([])
  })

  test('the POST is that of an MCP client, and says nothing else', async () => {
    vendor.routes.set('/there', json(described()))
    vendor.routes.set('/mcp', onlyTo('POST', bearer('scope="mcp:basic  mcp:basic other", ')))
    expect((await discover(`${vendor.base}/mcp`)).scope).toBe('mcp:basic other')
    const [, post] = vendor.seen
    expect(post).toMatchObject({
      method: 'POST',
      url: '/mcp',
      headers: {
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        'mcp-protocol-version': '2025-06-18',
      },
    })
    expect(post?.headers).not.toHaveProperty('authorization')
    expect(JSON.parse(post?.body ?? '')).toMatchObject({ jsonrpc: '2.0', method: 'initialize' })
  })

  test.each([
    [301, 'GET'],
    [302, 'POST'],
    [307, 'GET'],
    [307, 'POST'],
    [308, 'POST'],
  ])('behind a %i to the same path with a slash, to a %s', async (status, method) => {
    vendor.routes.set('/there', json(described({ resource: `${vendor.base}/mcp/` })))
    vendor.routes.set('/mcp', answer(status, '', { location: `${vendor.base}/mcp/` }))
    vendor.routes.set('/mcp/', onlyTo(method, bearer('scope="a", ')))
    expect(await discover(`${vendor.base}/mcp`)).toMatchObject({ issuer: other.base, scope: 'a' })
  })

  test('but not behind a redirect to another server', async () => {
    vendor.routes.set('/mcp', answer(307, '', { location: `${other.base}/mcp` }))
    other.routes.set('/mcp', bearer())
    vendor.routes.set('/there', json(described()))
    await failureOf(discover(`${vendor.base}/mcp`))
    expect(other.seen).toEqual([])
  })

  test('a scope that only the POST asks for, and metadata at the usual place', async () => {
    vendor.routes.set(`${RESOURCE}/mcp`, json(described({ scopes_supported: ['all'] })))
    vendor.routes.set('/mcp', onlyTo('POST', challenged('Bearer scope="some"')))
    expect((await discover(`${vendor.base}/mcp`)).scope).toBe('some')
  })
})

describe('a resource whose metadata is', () => {
  beforeEach(() => {
    other.routes.set(OAUTH, json(metadata(other.base)))
  })

  test.each([
    ['behind its own path', '/mcp', `/mcp${RESOURCE}`],
    ['at its path with the slash', '/mcp/', `${RESOURCE}/mcp/`],
    ['at its path without the slash', '/mcp/', `${RESOURCE}/mcp`],
    ['at its host', '/mcp', RESOURCE],
  ])('%s', async (_name, path, place) => {
    vendor.routes.set(place, json(described()))
    expect(await discover(`${vendor.base}${path}`)).toMatchObject({ issuer: other.base })
  })

  test.each([
    ...USELESS.slice(2),
    ['about another resource', () => json(described({ resource: `${vendor.base}/x` }))] as const,
  ])('at its host, and %s comes first', async (_name, useless) => {
    vendor.routes.set(`${RESOURCE}/mcp`, useless())
    vendor.routes.set(RESOURCE, json(described()))
    expect(await discover(`${vendor.base}/mcp`)).toMatchObject({ resource: `${vendor.base}/mcp` })
  })

  test.each<[string, () => string]>([
    ['404', () => `Bearer resource_metadata="${vendor.base}/no"`],
    ['http beyond loopback', () => 'Bearer resource_metadata="http://mcp.example.com/x"'],
    ['a file', () => 'Bearer resource_metadata="file:///etc/passwd"'],
    ['nonsense', () => 'Bearer resource_metadata="http://["'],
    ['empty', () => 'Bearer resource_metadata=""'],
    ['text of another scheme', () => `Basic realm="resource_metadata=${other.base}/x"`],
  ])('at the usual place, and the address in its challenge is %s', async (_name, field) => {
    vendor.routes.set('/mcp', challenged(field()))
    vendor.routes.set(`${RESOURCE}/mcp`, json(described()))
    expect(await discover(`${vendor.base}/mcp`)).toMatchObject({ issuer: other.base })
    expect(other.paths().filter((path) => path === '/x')).toEqual([])
  })

  test.each<[string, () => unknown, string | null]>([
    ['scopes as text', () => ({ scopes_supported: 'a b' }), 'a b'],
    ['scopes as an object', () => ({ scopes_supported: { a: 'Read' } }), null],
    ['scopes as one text in a list', () => ({ scopes_supported: ['a b', 'b'] }), 'a b'],
    [
      'other things among its scopes',
      () => ({ scopes_supported: ['a', null, 7, { b: 1 }, 'c"d', 'é', 'e\nf', ''] }),
      'a e f',
    ],
    ['scopes that are a number', () => ({ scopes_supported: 7 }), null],
    [
      'scopes beyond 4 KiB',
      () => ({ scopes_supported: Array.from({ length: 900 }, (_, at) => `scope-${at}`) }),
      null,
    ],
    ['a wish for DPoP as a number', () => ({ dpop_bound_access_tokens_required: 1 }), null],
    [
      'members that nobody knows',
      () => ({ bearer_methods_supported: 'header', jwks_uri: 5, x: { y: [[[]]] } }),
      null,
    ],
    ['one server as text', () => ({ authorization_servers: other.base }), null],
    [
      'servers of which some are none',
      () => ({ authorization_servers: [null, 7, '', 'x', 'http://id.example.com', other.base] }),
      null,
    ],
    ['the same server twice', () => ({ authorization_servers: [other.base, other.base] }), null],
  ])('readable in spite of %s', async (_name, members, scope) => {
    vendor.routes.set(RESOURCE, json(described(members() as object)))
    expect(await discover(`${vendor.base}/mcp`)).toMatchObject({ issuer: other.base, scope })
  })

  test('nested beyond what can be searched', async () => {
    const text = JSON.stringify(described()).replace('{', `{"x":${'['.repeat(50_000)}${']'.repeat(50_000)},`)
    vendor.routes.set(RESOURCE, answer(200, text))
    expect(await discover(`${vendor.base}/mcp`)).toMatchObject({ issuer: other.base })
  })

  test.each(['true', 'TRUE', true])('a wish for DPoP as %j is one', async (wish) => {
    vendor.routes.set(RESOURCE, json(described({ dpop_bound_access_tokens_required: wish })))
    expect((await discover(`${vendor.base}/mcp`)).wantsDpop).toBe(true)
  })

  test('of another resource, at an origin that is an authorization server itself', async () => {
    vendor.routes.set(RESOURCE, json(described({ resource: `${vendor.base}/other` })))
    vendor.routes.set(OAUTH, json(metadata(vendor.base)))
    expect(await discover(`${vendor.base}/mcp`)).toMatchObject({ issuer: vendor.base, resource: null })
  })
})

describe('several authorization servers of one resource', () => {
  const listing = (...servers: string[]) =>
    vendor.routes.set(RESOURCE, json(described({ authorization_servers: servers })))
  const closedPort = async () => {
    const server = createServer()
    const port = await listen(server)
    server.close()
    return `http://127.0.0.1:${port}`
  }

  test.each<[string, () => string | Promise<string>]>([
    ['is gone', closedPort],
    ['publishes nothing', () => `${vendor.base}/as`],
    ['publishes the metadata of another one', () => `${vendor.base}/mismatch`],
  ])('the first one %s', async (_name, first) => {
    other.routes.set(OAUTH, json(metadata(other.base)))
    vendor.routes.set(`/mismatch${OIDC}`, json(metadata('https://honest.example')))
    listing(await first(), other.base)
    expect(await discover(`${vendor.base}/mcp`)).toMatchObject({ issuer: other.base })
  })

  test('all gone: the error says so, and names the command', async () => {
    listing(`${other.base}/a`, `${other.base}/b`)
    const failure = await failureOf(discover(`${vendor.base}/mcp`))
    expect(failure).toMatchObject({ code: 'provider_answer_invalid', next: 'catchd profile add --help' })
    expect(failure.detail).toContain(`${other.base}/b${OIDC} (404)`)
  })

  test('a profile stays with its first one as long as the resource lists it', async () => {
    const second = await startFakeServer()
    for (const server of [other, second]) server.routes.set(OIDC, json(metadata(server.base)))
    let now = 0
    const servers = authorizationServers({ clock: { now: () => (now += 700_000) } })
    const profile = resourceProfile()
    const issuer = async () => (await servers.findExpectedIssuer(profile, false)).expectedIssuer
    listing(await closedPort(), other.base)
    expect(await issuer()).toBe(other.base)
    listing(second.base, other.base)
    expect(await issuer()).toBe(other.base)
    expect(second.seen).toEqual([])
    listing(second.base)
    expect(await failureOf(issuer())).toMatchObject({ code: 'issuer_mismatch' })
    expect(second.seen, 'it is not even asked for its metadata').toEqual([])
  })
})

describe('members of an authorization server', () => {
  const LISTS = [
    'scopes_supported',
    'grant_types_supported',
    'response_modes_supported',
    'id_token_signing_alg_values_supported',
    'dpop_signing_alg_values_supported',
    'authorization_signing_alg_values_supported',
    'token_endpoint_auth_signing_alg_values_supported',
  ]
  const JUNK: [string, unknown][] = [
    ['null', null],
    ['a number', 20_260_101],
    ['text', '2026-01-01T00:00:00Z'],
    ['nothing', ''],
    ['an object', { a: { b: [1] } }],
    ['a list of lists', [[['x']]]],
    ['a list of other things', [1, null, {}, false]],
    ['long names', ['http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', 'x'.repeat(10_000)]],
    ['a long list', Array.from({ length: 5_000 }, (_, at) => `w${at}`)],
    ['a boolean', true],
  ]
  test.each(JUNK)('that are %s cost nothing where the step does not need them', async (_name, value) => {
    const members = Object.fromEntries(
      [
        ...LISTS,
        'authorization_response_iss_parameter_supported',
        'client_id_metadata_document_supported',
        'revocation_endpoint',
        'userinfo_endpoint',
        'introspection_endpoint',
        'jwks_uri',
        'mtls_endpoint_aliases',
        'service_documentation',
        'x',
      ].map((name) => [name, value]),
    )
    vendor.routes.set(OIDC, json(metadata(vendor.base, members)))
    expect(await discover(vendor.base)).toMatchObject({ issuer: vendor.base })
  })

  test.each([
    '/userinfo',
    '',
    'http://id.example.com/x',
    'ftp://x/y',
    'javascript:alert(1)',
    'https://u:p@id.example.com/',
  ])('an address like %j counts as absent, until it is needed', async (url) => {
    vendor.routes.set(OIDC, json(metadata(vendor.base, { revocation_endpoint: url, jwks_uri: url })))
    expect(await discover(vendor.base)).toMatchObject({ issuer: vendor.base })
    for (const name of ['authorization_endpoint', 'token_endpoint']) {
      vendor.routes.set(OIDC, json(metadata(vendor.base, { [name]: url })))
      const failure = await failureOf(discover(vendor.base))
      expect(failure.code).toBe('provider_answer_invalid')
      expect(failure.detail).toContain(`the ${name} in the metadata of the server is not`)
    }
  })

  test.each<[string, object, string | null]>([
    ['openid without keys to check it', { scopes_supported: ['openid', 'offline_access'] }, 'offline_access'],
    [
      'openid with keys',
      { scopes_supported: 'openid offline_access', jwks_uri: 'https://id.example.com/k' },
      'openid offline_access',
    ],
    ['a list with duplicates', { scopes_supported: ['offline_access', 'offline_access'] }, 'offline_access'],
  ])('%s', async (_name, members, scope) => {
    vendor.routes.set(OIDC, json(metadata(vendor.base, members)))
    expect((await discover(vendor.base)).scope).toBe(scope)
  })

  test.each<[unknown, boolean]>([
    ['plain', false],
    ['plain, none', false],
    [[], false],
    [['plain', 7], false],
    ['S256', true],
    ['plain S256', true],
    [['S256', null], true],
    [null, true],
    [7, true],
  ])('PKCE methods %j offer S256: %j', async (methods, isOffered) => {
    vendor.routes.set(OIDC, json(metadata(vendor.base, { code_challenge_methods_supported: methods })))
    const found = discover(vendor.base)
    if (isOffered) expect(await found).toMatchObject({ issuer: vendor.base })
    else expect((await failureOf(found)).detail).toContain('S256')
  })

  test.each<[unknown, boolean]>([
    [true, true],
    ['true', true],
    [' True ', true],
    ['false', false],
    [1, false],
    ['yes', false],
    [['true'], false],
  ])(
    'iss announced as %j is required: %j, and never saves a server from the check of its endpoints',
    async (value, isRequired) => {
      const members = { authorization_response_iss_parameter_supported: value }
      vendor.routes.set(OIDC, json(metadata(vendor.base, members)))
      const servers = authorizationServers({ clock: { now: () => (now += 700_000) } })
      let now = 0
      const { resource_server: _, ...rest } = resourceProfile()
      const profile = { ...rest, issuer: vendor.base }
      expect((await servers.findExpectedIssuer(profile, false)).issRequired).toBe(isRequired)
      const front = { ...members, authorization_endpoint: 'https://honest.example/authorize' }
      vendor.routes.set(OIDC, json(metadata(vendor.base, front)))
      const expected = servers.findExpectedIssuer(profile, false)
      if (isRequired) expect((await expected).issRequired).toBe(true)
      else expect((await failureOf(expected)).detail).toContain('does not announce iss')
    },
  )
})

describe('a search has a limit', () => {
  test('of requests: redirects and many servers', async () => {
    const servers = Array.from({ length: 60 }, (_, at) => `${other.base}/${at}`)
    vendor.routes.set(RESOURCE, json(described({ authorization_servers: servers })))
    for (const server of servers) {
      const { pathname } = new URL(server)
      for (const path of [
        `${pathname}${OIDC}`,
        `${pathname}${OAUTH}`,
        `${OIDC}${pathname}`,
        `${OAUTH}${pathname}`,
      ]) {
        other.routes.set(path, (request, response) =>
          response.writeHead(307, { location: `${request.url}?x` }).end(),
        )
      }
    }
    const failure = await failureOf(discover(`${vendor.base}/mcp`))
    expect(failure.code).toMatch(/^provider_/)
    expect(vendor.seen.length + other.seen.length).toBeLessThanOrEqual(40)
  })

  test('of time: no address answers', async () => {
    for (const path of [`${RESOURCE}/mcp`, RESOURCE, `/mcp${RESOURCE}`, '/mcp', OIDC, OAUTH, `${OIDC}/mcp`]) {
      vendor.routes.set(path, () => undefined)
    }
    const failure = await failureOf(discover(`${vendor.base}/mcp`, 300))
    expect(failure).toMatchObject({ code: 'provider_unreachable' })
  })

  test('of what is shown: text of servers is short and printable', async () => {
    vendor.routes.set(OIDC, json(metadata(`https://a/${'\u202e\u001b[31m'}${'x'.repeat(5_000)}`)))
    const { detail = '' } = await failureOf(discover(vendor.base))
    expect(detail).toContain('\\u{202e}\\u{1b}')
    expect(detail.length).toBeLessThan(1_500)
  })
})

function resourceProfile(): Profile {
  const { authorization_endpoint: _a, token_endpoint: _t, ...rest } = testProfile({})
  return { ...rest, resource_server: `${vendor.base}/mcp` }
}
