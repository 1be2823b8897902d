/** What other programs write, and what becomes of it. */
import { describe, expect, test } from 'vitest'
import { ProfileEntry } from '../../src/config/profile.js'
import { readBruno, readPostman } from '../../src/import/api-clients.js'
import { readGoogleClient } from '../../src/import/google-client.js'
import type { Reader } from '../../src/import/import.js'
import { readKubeconfig } from '../../src/import/kubeconfig.js'
import { readMcpHost } from '../../src/import/mcp-hosts.js'
import { readOidcAgent } from '../../src/import/oidc-agent.js'
import { readPizauth } from '../../src/import/pizauth.js'

/** The profiles of a text, each of which the configuration would take. */
function profilesOf(read: Reader, text: string) {
  const { profiles } = read(text)
  for (const { entry } of profiles) ProfileEntry.parse(entry)
  return profiles
}

test('oidc-agent: an account as it is printed', () => {
  const account = {
    name: 'corp',
    client_name: 'oidc-agent:corp-host',
    issuer_url: 'https://id.example.com/',
    client_id: 'c-1',
    client_secret: 's-1',
    refresh_token: 'refresh-canary',
    cert_path: '/etc/ssl/certs/ca-certificates.crt',
    scope: 'openid offline_access',
    audience: 'https://api.example.com',
    redirect_uris: ['edu.kit.data.oidc-agent:/redirect', 'http://localhost:4242', 'http://localhost:8080'],
  }
  const [profile] = profilesOf(readOidcAgent, JSON.stringify(account))
  expect(profile?.entry).toEqual({
    issuer: 'https://id.example.com',
    client_id: 'c-1',
    client_secret: 's-1',
    scope: 'openid offline_access',
    redirect_uri: 'http://localhost:4242',
    ca_file: '/etc/ssl/certs/ca-certificates.crt',
    authorization_parameters: {
      access_type: 'offline',
      prompt: 'consent',
      audience: 'https://api.example.com',
    },
  })
  expect(profile?.notes.join(' ')).toContain('refresh token stays in the other program')
  expect(JSON.stringify(profile)).not.toContain('refresh-canary')
})

test('pizauth: accounts with comments, lists and fields of their own', () => {
  const text = `
startup_cmd = "pizauth restore";
// account "old" { auth_uri = "https://old.example.com"; }
account "office" {
    auth_uri = "https://login.microsoftonline.com/common/oauth2/v2.0/authorize";
    token_uri = "https://login.microsoftonline.com/common/oauth2/v2.0/token";
    client_id = "c-1";
    client_secret = "s-1";
    scopes = [
      "https://plan.office365.com/IMAP.AccessAsUser.All",
      "offline_access"
    ];
    redirect_uri = "http://localhost/";
    auth_uri_fields = { "login_hint": "ada@example.com" };
}
account "second" { auth_uri = "https://a.example/x"; token_uri = "https://a.example/y"; client_id = "c-2"; }
`
  const profiles = profilesOf(readPizauth, text)
  expect(profiles.map(({ name }) => name)).toEqual(['office', 'second'])
  expect(profiles[0]?.entry).toEqual({
    authorization_endpoint: 'https://login.microsoftonline.com/common/oauth2/v2.0/authorize',
    token_endpoint: 'https://login.microsoftonline.com/common/oauth2/v2.0/token',
    client_id: 'c-1',
    client_secret: 's-1',
    token_endpoint_auth_method: 'client_secret_post',
    scope: 'https://plan.office365.com/IMAP.AccessAsUser.All offline_access',
    redirect_uri: 'http://localhost:0/',
    authorization_parameters: { access_type: 'offline', login_hint: 'ada@example.com' },
  })
  expect(profiles[1]?.entry).toEqual({
    authorization_endpoint: 'https://a.example/x',
    token_endpoint: 'https://a.example/y',
    client_id: 'c-2',
    redirect_uri: 'http://localhost:0/',
    authorization_parameters: { access_type: 'offline' },
  })
})

test('pizauth: escapes, comments behind settings, braces in texts, and settings that are not imported', () => {
  const text = `account "a \\"b\\"" {
    auth_uri = "https://a.example/x"; // account "no" { auth_uri = "https://no.example" }
    token_uri = "https://a.example/y"; client_id = "c}1";
    client_secret = "s\\\\1\\"2";
    auth_uri_fields = { "a": "1", "b": "x { y } = \\"z\\"", };
    login_hint = "ada@example.com"; refresh_at_least = 90m; refresh_before_expiry = 60s;
    redirect_uri = "https://localhost:4321/x";
  }
  refresh_retry = 5m; account "second" { auth_uri = "https://second.example/"; }`
  const [first, second] = profilesOf(readPizauth, text)
  expect(first).toMatchObject({
    name: 'a "b"',
    entry: {
      authorization_endpoint: 'https://a.example/x',
      token_endpoint: 'https://a.example/y',
      client_id: 'c}1',
      client_secret: 's\\1"2',
      redirect_uri: 'https://localhost:4321/x',
      authorization_parameters: {
        access_type: 'offline',
        login_hint: 'ada@example.com',
        a: '1',
        b: 'x { y } = "z"',
      },
    },
  })
  expect(first?.notes[0]).toBe('These settings were not imported: refresh_at_least, refresh_before_expiry.')
  expect(second?.entry.authorization_endpoint).toBe('https://second.example/')
})

/** Options of kubelogin, what they become, and what is said. */
const KUBELOGIN: readonly (readonly [string[], object, string[]])[] = [
  [['--listen-address=127.0.0.1:12345'], { redirect_uri: 'http://localhost:12345' }, []],
  [['--listen-address', '0.0.0.0:8080'], { redirect_uri: 'http://localhost:8080' }, []],
  [['--listen-address=:7000,:7001'], { redirect_uri: 'http://localhost:7000' }, []],
  [['--listen-address=[::1]:7000', '--listen-address=:1'], { redirect_uri: 'http://localhost:7000' }, []],
  [
    ['--local-server-cert=a.crt', '--local-server-key=a.key'],
    { redirect_uri: 'https://localhost:8000' },
    ['--local-server-key'],
  ],
  [
    ['--oidc-redirect-url=http://127.0.0.1:9/cb', '--listen-address=:1'],
    { redirect_uri: 'http://127.0.0.1:9/cb' },
    [],
  ],
  [['--oidc-redirect-url=https://login.example.com/cb'], {}, ['https://login.example.com/cb']],
  [
    ['--oidc-auth-request-extra-params=ttl=86400,prompt=login', '--oidc-auth-request-extra-params', 'a=b=c'],
    { authorization_parameters: { ttl: '86400', prompt: 'login', a: 'b=c' } },
    [],
  ],
  [['--oidc-request-header=Origin=localhost'], { token_request_headers: { Origin: 'localhost' } }, []],
  [['--grant-type=device-code'], { grant: 'urn:ietf:params:oauth:grant-type:device_code' }, []],
  [['--grant-type=client-credentials'], { grant: 'client_credentials' }, []],
  [
    ['--grant-type=password', '--username=ada', '--password=pass-canary'],
    {},
    ['grant password', '--username, --password'],
  ],
  [['--oidc-pkce-method=no'], { code_challenge_method: 'none' }, []],
  [['--oidc-use-pkce', '--oidc-pkce-method', 'S256'], {}, []],
  [
    ['--insecure-skip-tls-verify', '--certificate-authority-data=AAAA'],
    {},
    ['--insecure-skip-tls-verify, --certificate-authority-data'],
  ],
  [
    ['--certificate-authority=/a.pem', '--certificate-authority=/b.pem'],
    { ca_file: '/a.pem' },
    ['the other files of --certificate-authority'],
  ],
]

test.each(KUBELOGIN)('kubelogin: %j', (options, expected, said) => {
  const args = [
    'oidc-login',
    'get-token',
    '--oidc-issuer-url=https://id.example.com',
    '--oidc-client-id=k',
    ...options,
  ]
  const [profile] = profilesOf(
    readKubeconfig,
    JSON.stringify({ users: [{ name: 'k', user: { exec: { args } } }] }),
  )
  const always = { issuer: 'https://id.example.com', client_id: 'k', scope: 'openid' }
  const redirect = said[0]?.startsWith('https:') ? {} : { redirect_uri: 'http://localhost:8000' }
  expect(profile?.entry).toEqual({ ...always, ...redirect, ...expected })
  const notes = profile?.notes.slice(2).join(' ') ?? ''
  for (const text of said) expect(notes).toContain(text)
  if (said.length === 0) expect(notes).toBe('')
  expect(JSON.stringify(profile)).not.toContain('canary')
})

test('what is dropped is said by name, never with its value', () => {
  const account = {
    issuer_url: 'https://id.example.com',
    client_id: 'c-1',
    username: '',
    password: 'pass-canary',
    device_authorization_endpoint: 'https://id.example.com/device',
  }
  const [agent] = profilesOf(readOidcAgent, JSON.stringify(account))
  expect(agent?.notes).toContain('These settings were not imported: password, device_authorization_endpoint.')
  const oauth2 = [
    { key: 'clientId', value: 'c-1' },
    { key: 'password', value: 'pass-canary' },
    { key: 'refreshTokenUrl', value: 'https://id.example.com/refresh' },
    { key: 'authRequestParams', value: [{ key: 'audience', value: 'x' }] },
    { key: 'tokenRequestParams', value: [] },
    { key: 'addTokenTo', value: 'header' },
  ]
  const [postman] = profilesOf(readPostman, JSON.stringify({ auth: { oauth2 } }))
  expect(postman?.entry.refresh_endpoint).toBe('https://id.example.com/refresh')
  expect(postman?.notes).toEqual(['These settings were not imported: password, authRequestParams.'])
  const block = 'auth:oauth2 {\n  client_id: c-1\n  resource: https://api.example.com\n  pkce: true\n}\n'
  const [bruno] = profilesOf(readBruno, block)
  expect(bruno?.notes).toEqual(['These settings were not imported: resource.'])
  expect(JSON.stringify([agent, postman, bruno])).not.toContain('canary')
})

test('kubeconfig: users of kubelogin and of the old provider; certificates stay out', () => {
  const config = {
    users: [
      { name: 'cert', user: { 'client-certificate-data': 'x' } },
      {
        name: 'oidc',
        user: {
          exec: {
            command: 'kubectl',
            args: [
              'oidc-login',
              'get-token',
              '--oidc-issuer-url=https://id.example.com',
              '--oidc-client-id',
              'kubernetes',
              '--oidc-extra-scope=email,groups',
              '--oidc-extra-scope=offline_access',
            ],
          },
        },
      },
      {
        name: 'old',
        user: {
          'auth-provider': {
            name: 'oidc',
            config: {
              'idp-issuer-url': 'https://id.example.com',
              'client-id': 'k',
              'client-secret': 's-1',
              'refresh-token': 'refresh-canary',
              'id-token': 'id-canary',
            },
          },
        },
      },
    ],
  }
  const profiles = profilesOf(readKubeconfig, JSON.stringify(config))
  expect(profiles.map(({ name, entry }) => [name, entry])).toEqual([
    [
      'oidc',
      {
        issuer: 'https://id.example.com',
        client_id: 'kubernetes',
        scope: 'openid email groups offline_access',
        redirect_uri: 'http://localhost:8000',
      },
    ],
    ['old', { issuer: 'https://id.example.com', client_id: 'k', client_secret: 's-1', scope: 'openid' }],
  ])
  expect(JSON.stringify(profiles)).not.toContain('canary')
  const asks = '--exec-arg=--profile --exec-arg={profile} --exec-arg=--id-token --exec-arg=kubectl'
  for (const { name, notes } of profiles) {
    expect(notes).toContainEqual(expect.stringMatching(`^kubectl config set-credentials ${name} .*${asks}$`))
  }
  // kubectl refuses a user with a command and a provider.
  expect(profiles.map(({ notes }) => notes.some((note) => note.endsWith('delete-user old')))).toEqual([
    false,
    true,
  ])
})

test('kubeconfig: a cluster that kubelogin brings the access token to is brought it on', () => {
  const args = ['get-token', '--oidc-issuer-url=https://id.example.com', '--oidc-use-access-token']
  const config = { users: [{ name: 'oidc', user: { exec: { command: 'kubelogin', args } } }] }
  const [profile] = profilesOf(readKubeconfig, JSON.stringify(config))
  expect(profile?.notes?.[1]).toMatch(/--exec-arg=\{profile\} --exec-arg=kubectl$/)
})

test.each(['installed', 'web'])('Google: a client of kind %s', (kind) => {
  const client = { client_id: 'c.apps.googleusercontent.com', client_secret: 's-1', project_id: 'my-project' }
  const [profile] = profilesOf(readGoogleClient, JSON.stringify({ [kind]: client }))
  expect(profile).toMatchObject({
    name: 'my-project',
    entry: { preset: 'google', client_id: 'c.apps.googleusercontent.com', client_secret: 's-1' },
  })
  expect(profile?.notes.some((note) => note.includes('web applications'))).toBe(kind === 'web')
})

test('an MCP host: servers behind mcp-remote and by URL; programs are none of ours', () => {
  const config = {
    mcpServers: {
      linear: { command: 'npx', args: ['-y', 'mcp-remote@latest', 'https://mcp.linear.app/mcp', '--debug'] },
      direct: { type: 'http', url: 'https://mcp.example.com/mcp' },
      files: { command: 'npx', args: ['-y', '@modelcontextprotocol/server-filesystem', '/home'] },
    },
  }
  expect(readMcpHost(JSON.stringify(config)).urls).toEqual([
    { name: 'linear', url: 'https://mcp.linear.app/mcp' },
    { name: 'direct', url: 'https://mcp.example.com/mcp' },
  ])
})

test('Postman: settings anywhere in a collection', () => {
  const oauth2 = Object.entries({
    tokenName: 'orders',
    grant_type: 'authorization_code_with_pkce',
    authUrl: 'https://id.example.com/authorize',
    accessTokenUrl: 'https://id.example.com/token',
    clientId: '{{clientId}}',
    clientSecret: 's-1',
    scope: 'orders:read',
    redirect_uri: 'https://oauth.pstmn.io/v1/callback',
    client_authentication: 'body',
  }).map(([key, value]) => ({ key, value, type: 'string' }))
  const collection = { item: [{ request: { auth: { type: 'oauth2', oauth2 } } }] }
  const [profile] = profilesOf(readPostman, JSON.stringify(collection))
  expect(profile?.entry).toEqual({
    authorization_endpoint: 'https://id.example.com/authorize',
    token_endpoint: 'https://id.example.com/token',
    client_id: '{{clientId}}',
    client_secret: 's-1',
    scope: 'orders:read',
    token_endpoint_auth_method: 'client_secret_post',
  })
  expect(profile?.notes).toEqual([
    expect.stringContaining('oauth.pstmn.io/v1/callback is not on this machine'),
    'These settings contain variables: client_id. Replace them with their values.',
  ])
})

test('Bruno: a request with client credentials', () => {
  const text = `meta {
  name: Orders
  type: http
}

auth:oauth2 {
  grant_type: client_credentials
  access_token_url: https://id.example.com/token
  client_id: c-1
  client_secret: s-1
  scope: orders:read
  credentials_placement: basic_auth_header
}
`
  const [profile] = profilesOf(readBruno, text)
  expect(profile).toEqual({
    name: 'Orders',
    entry: {
      token_endpoint: 'https://id.example.com/token',
      client_id: 'c-1',
      client_secret: 's-1',
      grant: 'client_credentials',
      scope: 'orders:read',
    },
    notes: [],
  })
})

test('kubeconfig: the file itself, which is YAML, is answered with the command that prints it as JSON', () => {
  const yaml = 'apiVersion: v1\nkind: Config\nusers:\n- name: oidc\n'
  expect(() => readKubeconfig(yaml)).toThrow(
    expect.objectContaining({ next: 'kubectl config view --raw --output json | catchd import kubeconfig' }),
  )
})

describe('what is not theirs is refused, and not repeated', () => {
  const readers: [string, Reader][] = [
    ['oidc-agent', readOidcAgent],
    ['pizauth', readPizauth],
    ['kubeconfig', readKubeconfig],
    ['google', readGoogleClient],
    ['mcp', readMcpHost],
    ['postman', readPostman],
    ['bruno', readBruno],
  ]
  test.each(
    readers.flatMap(([name, read]) =>
      ['', '{}', '[]', 'null', '{"secret": "canary"', '{"users":{"canary":1}}', 'canary'].map(
        (text) => [name, text, read] as const,
      ),
    ),
  )('%s: %j', (_name, text, read) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'request_invalid' }))
    try {
      read(text)
    } catch (error) {
      expect(String(error)).not.toContain('canary')
    }
  })
})

test('members of other kinds than text are left out, also those that cannot become text', () => {
  const odd = { toString: null, valueOf: 1 }
  const issuer = '--oidc-issuer-url=https://id.example.com'
  const exec = { args: [odd, issuer, null, '--oidc-client-id', 'c-1'] }
  expect(profilesOf(readKubeconfig, JSON.stringify({ users: [{ name: 'u', user: { exec } }] }))).toHaveLength(
    1,
  )
  const account = { issuer_url: 'https://id.example.com', client_id: 'c-1', redirect_uris: [odd] }
  expect(profilesOf(readOidcAgent, JSON.stringify(account))).toHaveLength(1)
  const servers = { a: { command: 'npx', args: [odd, 'mcp-remote', 'https://mcp.example.com/'] } }
  expect(readMcpHost(JSON.stringify({ mcpServers: servers })).urls).toHaveLength(1)
  const oauth2 = [
    { key: odd, value: 'x' },
    { key: 'clientId', value: 'c-1' },
  ]
  expect(profilesOf(readPostman, JSON.stringify({ auth: { oauth2 } }))[0]?.entry).toEqual({
    client_id: 'c-1',
  })
})

test('Postman: a file that is nested without end is refused', () => {
  const text = `${'{"item":'.repeat(100_000)}1${'}'.repeat(100_000)}`
  expect(() => readPostman(text)).toThrow(expect.objectContaining({ code: 'request_invalid' }))
})

test('Postman: a secret with a variable in it is not repeated', () => {
  const oauth2 = [{ key: 'clientSecret', value: 's3cret-{{suffix}}' }]
  const [profile] = profilesOf(readPostman, JSON.stringify({ auth: { oauth2 } }))
  expect(profile?.notes).toEqual([expect.stringContaining('client_secret')])
  expect(profile?.notes.join()).not.toContain('s3cret')
})
