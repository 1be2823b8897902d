/** From a URL to an authorization server (RFC 9728, RFC 8414), and what is not believed on the way. */
import { beforeEach, describe, expect, test } from 'vitest'
import { authorizationServers, type FakeServer, failureOf, json, startFakeServer } from './fake-server.js'

let resource: FakeServer
let issuer: FakeServer
beforeEach(async () => {
  resource = await startFakeServer()
  issuer = await startFakeServer()
})

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

function publish(members: object = {}): void {
  issuer.routes.set('/.well-known/openid-configuration', json({ ...metadata(), ...members }))
}

function metadata() {
  return {
    issuer: issuer.base,
    authorization_endpoint: `${issuer.base}/authorize`,
    token_endpoint: `${issuer.base}/token`,
    registration_endpoint: `${issuer.base}/register`,
    jwks_uri: `${issuer.base}/keys`,
    code_challenge_methods_supported: ['S256'],
  }
}

function describeResource(path: string, members: object = {}): void {
  const document = { resource: `${resource.base}/mcp`, authorization_servers: [issuer.base] }
  resource.routes.set(path, json({ ...document, ...members }))
}

function challenge(parameters: string, scheme = 'Bearer'): void {
  resource.routes.set('/mcp', (_request, response) => {
    response.writeHead(401, { 'www-authenticate': `${scheme} ${parameters}` }).end('no')
  })
}

const discover = (url = `${resource.base}/mcp`) => authorizationServers().discovery.discover(url)

describe('a protected resource', () => {
  test('by the resource_metadata of its 401, before any well-known address', async () => {
    publish()
    describeResource('/somewhere/else')
    challenge(`realm="x", resource_metadata="${resource.base}/somewhere/else", scope="read write"`)
    expect(await discover()).toEqual({
      url: `${resource.base}/mcp`,
      resource: `${resource.base}/mcp`,
      issuers: [issuer.base],
      issuer: issuer.base,
      scope: 'read write',
      wantsDpop: false,
      registersClients: true,
      takesClientMetadataDocuments: false,
    })
    expect(resource.paths()).toEqual(['/mcp', '/somewhere/else'])
  })

  test('without a challenge, by the well-known address of its path, then of its host', async () => {
    publish()
    describeResource(WELL_KNOWN)
    expect((await discover()).issuer).toBe(issuer.base)
    expect(resource.paths()).toEqual(['/mcp', '/mcp', `${WELL_KNOWN}/mcp`, WELL_KNOWN])
  })

  test('a stream without an end instead of a 401 is left at once', async () => {
    publish()
    describeResource(`${WELL_KNOWN}/mcp`)
    resource.routes.set('/mcp', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': open\n\n')
    })
    expect((await discover()).resource).toBe(`${resource.base}/mcp`)
  })

  test('the scopes that it offers are asked for, with offline_access where the server has it', async () => {
    publish({ scopes_supported: ['openid', 'offline_access'] })
    describeResource(`${WELL_KNOWN}/mcp`, { scopes_supported: ['a', 'b'] })
    expect((await discover()).scope).toBe('a b offline_access')
  })

  test('a challenge for scopes comes first', async () => {
    publish()
    describeResource('/there', { scopes_supported: ['a', 'b'] })
    challenge(`resource_metadata="${resource.base}/there", scope="a"`)
    expect((await discover()).scope).toBe('a')
  })

  test('tokens bound to a key are asked for where it wants them', async () => {
    publish()
    describeResource(`${WELL_KNOWN}/mcp`, { dpop_bound_access_tokens_required: true })
    expect((await discover()).wantsDpop).toBe(true)
  })

  test('a document for the whole host speaks for a path of it', async () => {
    publish()
    describeResource(WELL_KNOWN, { resource: resource.base })
    expect((await discover()).resource).toBe(resource.base)
  })

  test('an issuer written with a slash that its own metadata does not have', async () => {
    publish()
    describeResource(WELL_KNOWN, { authorization_servers: [`${issuer.base}/`] })
    expect((await discover()).issuer).toBe(issuer.base)
  })
})

describe('what a resource says is not believed', () => {
  const refusal = async () => {
    const failure = await failureOf(discover())
    expect(issuer.seen, 'nobody was sent there').toEqual([])
    return [failure.code, failure.detail]
  }

  test.each([
    ['of another host', 'https://honest.example/mcp'],
    ['of another path', '/other'],
    ['of a path that begins alike', '/mc'],
    ['of a longer path', '/mcp/deeper'],
    ['with a fragment', '/mcp#x'],
    ['that is no URL', 'mcp'],
  ])('about a resource %s', async (_name, other) => {
    publish()
    describeResource(`${WELL_KNOWN}/mcp`, { resource: other.startsWith('/') ? resource.base + other : other })
    expect(await refusal()).toEqual([
      'provider_answer_invalid',
      expect.stringContaining('is about another resource'),
    ])
  })

  test.each([
    ['http beyond loopback', 'http://id.example.com'],
    ['no web address', 'ftp://127.0.0.1'],
    ['a user name', 'https://me:secret@id.example.com'],
    ['nonsense', 'issuer'],
    ['a number', 17],
    ['an object', { issuer: 'https://id.example.com' }],
  ])('an authorization server with %s', async (_name, server) => {
    describeResource(`${WELL_KNOWN}/mcp`, { authorization_servers: [server] })
    const [code, detail] = await refusal()
    expect([code, detail]).toEqual([
      'provider_answer_invalid',
      expect.stringContaining('names an authorization server that is not https'),
    ])
    expect(detail).not.toContain('secret')
  })

  test.each([
    [undefined, 'names no resource'],
    [1, 'names no resource'],
    [[`https://h/mcp`], 'names no resource'],
  ])('a resource that is %j', async (other, why) => {
    describeResource(`${WELL_KNOWN}/mcp`, { resource: other })
    expect(await refusal()).toEqual(['provider_answer_invalid', expect.stringContaining(why)])
  })

  test.each([
    ['http beyond loopback', 'http://id.example.com/x'],
    ['a file', 'file:///etc/passwd'],
    ['credentials', 'https://me:pw@id.example.com/x'],
    ['nonsense', 'http://['],
  ])('an address of the metadata with %s', async (_name, place) => {
    challenge(`resource_metadata="${place}"`)
    expect(await refusal()).toEqual([
      'provider_answer_invalid',
      expect.stringContaining('(not an https address)'),
    ])
  })

  test('a redirect instead of metadata is not followed', async () => {
    const other = await startFakeServer()
    resource.routes.set(`${WELL_KNOWN}/mcp`, (_request, response) => {
      response.writeHead(302, { location: `${other.base}/metadata` }).end()
    })
    await failureOf(discover())
    expect(other.seen).toEqual([])
  })
})

describe('an issuer', () => {
  test.each(['', '/'])('by its URL with %j at the end', async (end) => {
    publish({ scopes_supported: ['openid', 'offline_access', 'email'] })
    expect(await discover(`${issuer.base}${end}`)).toMatchObject({
      resource: null,
      issuer: issuer.base,
      scope: 'openid offline_access',
    })
  })

  test('by the URL of something on its host that publishes nothing', async () => {
    publish()
    expect(await discover(`${issuer.base}/api/thing`)).toMatchObject({ resource: null, issuer: issuer.base })
  })

  test('metadata of another issuer', async () => {
    publish({ issuer: 'https://honest.example/\u202erealm' })
    const failure = await failureOf(discover(issuer.base))
    expect(failure.code).toBe('issuer_mismatch')
    expect(failure.detail).toContain(
      `${issuer.base} names another issuer: https://honest.example/\\u{202e}realm.`,
    )
  })

  test('that a resource names, with metadata of another', async () => {
    publish({ issuer: 'https://honest.example' })
    describeResource(`${WELL_KNOWN}/mcp`)
    expect((await failureOf(discover())).code).toBe('issuer_mismatch')
  })

  test('that a resource names, without metadata', async () => {
    describeResource(`${WELL_KNOWN}/mcp`)
    const failure = await failureOf(discover())
    expect([failure.code, failure.detail]).toEqual([
      'provider_answer_invalid',
      expect.stringContaining('publishes no metadata'),
    ])
  })

  test('without S256 among its methods', async () => {
    publish({ code_challenge_methods_supported: ['plain'] })
    const failure = await failureOf(discover(issuer.base))
    expect([failure.code, failure.detail]).toEqual([
      'provider_answer_invalid',
      expect.stringContaining('S256'),
    ])
  })

  test('a host that publishes nothing at all', async () => {
    const failure = await failureOf(discover(`${resource.base}/page`))
    expect([failure.code, failure.next]).toEqual(['provider_answer_invalid', 'catchd presets'])
  })

  describe('is open (protected: false) unless an answer asks for a token or hides whether it does', () => {
    test.each<[what: string, get: number, post: number, isOpen: boolean, location?: string]>([
      ['an MCP server without a GET stream', 405, 200, true],
      ['a stream at GET, as before', 200, 405, true],
      ['a server that wants a session first', 400, 400, true],
      ['an endpoint that is not there', 404, 404, true],
      ['a server that asks at GET', 401, 200, false],
      ['a server that asks at the first message', 405, 401, false],
      ['a server that asks with 403', 405, 403, false],
      ['a server that is overloaded', 405, 503, false],
      ['a server that limits requests', 429, 429, false],
      ['a network that asks first', 511, 511, false],
      ['a server that moved to another', 405, 307, false, 'https://other.example/mcp'],
      ['a page that redirects to its login', 302, 302, false, '/login'],
      ['a server that moved the path, and asks there', 307, 307, false, '/asks'],
      ['a server that moved the path', 308, 307, true, '/open'],
      ['a server that redirects in a circle', 307, 307, false, '/mcp'],
    ])('%s', async (_what, get, post, isOpen, location = '') => {
      const answer = (status: number) => ({ status, headers: { location } })
      const asked: string[] = []
      resource.routes.set('/mcp', (request, response) => {
        asked.push(`${request.method} ${request.headers.authorization ?? 'without a token'}`)
        const { status, headers } = answer(request.method === 'GET' ? get : post)
        response.writeHead(status, headers).end()
      })
      resource.routes.set('/open', (_request, response) => void response.writeHead(202).end())
      resource.routes.set('/asks', (_request, response) => void response.writeHead(401).end())
      const failure = await failureOf(discover())
      expect([failure.code, failure.members]).toEqual([
        'provider_answer_invalid',
        isOpen ? { protected: false } : {},
      ])
      for (const request of asked) expect(request).toMatch(/without a token$/)
    })

    test('not one that does not answer', async () => {
      resource.routes.set('/mcp', (_request, response) => void response.destroy())
      expect((await failureOf(discover())).members).toEqual({})
    })
  })
})
