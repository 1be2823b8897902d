/**
 * Commands as users and tools run them, in this process, at a daemon that has tokens: what helpers read from stdin and
 * from their environment, files of other programs, arguments, and the variables of catchd.
 */
import fc from 'fast-check'
import { EXIT } from '../../../src/failures.js'
import { runHere } from '../command-line.js'
import { startDaemon } from '../daemon.js'
import { HostileServer } from '../hostile-server.js'
import { mutatedJson, mutatedText, oddText } from '../mutations.js'
import { canary, type FuzzTarget } from '../target.js'

interface Command {
  readonly argv: readonly string[]
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string>>
}

/** A whole daemon, with a token for the hosts of `tokens`. Answers of helpers have that token, so it has no mark. */
function commandTarget(name: string, weight: number, arbitrary: fc.Arbitrary<Command>): FuzzTarget<Command> {
  return {
    name,
    weight,
    arbitrary,
    async start() {
      const server = await new HostileServer().start()
      server.serve('/token', { access_token: 'token-of-the-helper', token_type: 'Bearer', expires_in: 3600 })
      const gw = {
        ...{ client_id: 'catchd', client_secret: canary('client-secret'), grant: 'client_credentials' },
        ...{
          token_endpoint: `${server.base}/token`,
          hosts: ['git.example.com', 'localhost:3000', '*.example.org'],
        },
      }
      const daemon = await startDaemon({ profiles: { gw } })
      return {
        async run({ argv, stdin, env }) {
          const { exitCode, stdout, stderr } = await runHere(argv, {
            ...(stdin === undefined ? {} : { stdin }),
            env: { CATCHD_HOME: daemon.home, ...env },
          })
          if (argv[0] === 'import' || argv[0] === 'profile') {
            const listed = await daemon.call('GET', '/v1/profiles')
            for (const [, made] of listed.body.matchAll(/"profile":"([^"]+)"/g)) {
              if (made !== 'gw') await daemon.call('DELETE', `/v1/profiles/${made}`)
            }
            if (!listed.body.includes('"profile":"gw"')) await daemon.call('PUT', '/v1/profiles/gw', gw)
          }
          const shown = [stdout, stderr, ...daemon.takeLog()]
          return {
            outcome:
              exitCode === EXIT.unexpected && argv[0] !== 'credential' ? 'internal' : `exit ${exitCode}`,
            shown,
          }
        },
        async stop() {
          await daemon.stop()
          await server.stop()
        },
      }
    },
  }
}

const mostly = (value: string, mutated: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: mutated })
/** Arguments, of which some are odd. */
const argv = (...words: string[]) =>
  fc.tuple(...words.map((word) => mostly(word, fc.oneof(oddText, mutatedText(word)))))

// Helpers

const GIT =
  'protocol=https\nhost=git.example.com\npath=a/b.git\nusername=x\ncapability[]=authtype\nwwwauth[]=Bearer realm="x"\n\n'
const ERASE = 'protocol=https\nhost=git.example.com\npassword=token-of-the-helper\n\n'
const EXEC_INFO = {
  ...{ kind: 'ExecCredential', apiVersion: 'client.authentication.k8s.io/v1' },
  spec: {
    interactive: false,
    cluster: { server: 'https://git.example.com', 'certificate-authority-data': 'x' },
  },
}
const helper = (tool: string, stdin: fc.Arbitrary<string>, ...words: string[]) =>
  fc.record({ argv: argv(...words).map((more) => ['credential', tool, ...more]), stdin })
const none = fc.constant('')
const helpers = fc.oneof(
  helper('git', mutatedText(GIT, ERASE), 'get'),
  helper('git', mutatedText(ERASE), 'erase'),
  helper('docker', mutatedText('https://git.example.com/v1/', 'git.example.com:443'), 'get'),
  helper(
    'docker',
    mutatedJson({ ServerURL: 'git.example.com', Username: 'x', Secret: canary('stored') }),
    'store',
  ),
  helper('bazel', mutatedJson({ uri: 'https://git.example.com/a' }), 'get'),
  helper('goauth', none, 'https://git.example.com/a'),
  helper('netrc', none),
  helper('xoauth2', none, '--profile', 'gw', '--user', 'me@example.com'),
  helper('oauthbearer', none, '--profile', 'gw', '--user', 'me@example.com'),
  helper('headers', none, '--profile', 'gw'),
  fc.record({
    argv: fc.constant(['credential', '--profile', 'gw', 'kubectl']),
    env: fc.record({ KUBERNETES_EXEC_INFO: mutatedJson(EXEC_INFO).filter((text) => !text.includes('\0')) }),
  }),
  fc.record({
    argv: argv(
      '--role-arn',
      'arn:aws:iam::123456789012:role/NAME',
      '--endpoint-url',
      'http://127.0.0.1:1/',
      '--duration',
      '900',
    ).map((words) => ['credential', '--profile', 'gw', 'aws', ...words]),
  }),
)

// Imports

const SECRET = canary('imported-secret')
const CLIENT = { client_id: 'c-1', client_secret: SECRET }
const oauth2 = Object.entries({
  ...{
    grant_type: 'authorization_code',
    authUrl: 'https://a.example/a',
    accessTokenUrl: 'https://a.example/t',
  },
  ...{
    clientId: 'c',
    clientSecret: SECRET,
    scope: 'a b',
    redirect_uri: 'https://oauth.pstmn.io/x',
    tokenName: 'n',
  },
}).map(([key, value]) => ({ key, value, type: 'string' }))
const FILES: Readonly<Record<string, fc.Arbitrary<string>>> = {
  'oidc-agent': mutatedJson({
    ...{
      ...CLIENT,
      name: 'corp',
      issuer_url: 'https://id.example/',
      refresh_token: canary('refresh'),
      scope: 'openid',
    },
    ...{
      cert_path: '/etc/ssl/x',
      audience: 'a',
      redirect_uris: ['edu.kit.data:/r', 'http://localhost:4242'],
    },
  }),
  pizauth: mutatedText(
    `// x\naccount "office" {\n auth_uri = "https://a.example/a";\n token_uri = "https://a.example/t";\n client_id = "c";\n client_secret = "${SECRET}";\n scopes = [ "a", "b" ];\n redirect_uri = "http://localhost/";\n auth_uri_fields = { "login_hint": "x" };\n}\n`,
  ),
  mcp: mutatedJson({
    mcpServers: {
      a: { url: 'https://mcp.example/', headers: { Authorization: `Bearer ${canary('header')}` } },
      b: {
        command: 'npx',
        args: ['-y', 'mcp-remote@1', 'https://b.example/', '--header', canary('argument')],
      },
    },
  }),
  kubeconfig: mutatedJson({
    users: [
      {
        name: 'u',
        user: {
          exec: {
            command: 'kubectl',
            args: [
              'oidc-login',
              'get-token',
              '--oidc-issuer-url=https://a.example',
              '--oidc-client-id',
              'c',
              `--oidc-client-secret=${SECRET}`,
              '--listen-address',
              '127.0.0.1:8000',
            ],
          },
        },
      },
      {
        name: 'v',
        user: {
          'auth-provider': {
            name: 'oidc',
            config: {
              'idp-issuer-url': 'https://a.example',
              'client-id': 'c',
              'client-secret': SECRET,
              'refresh-token': canary('refresh'),
              'extra-scopes': 'a,b',
            },
          },
        },
      },
    ],
  }),
  google: mutatedJson({ installed: { ...CLIENT, project_id: 'p', redirect_uris: ['http://localhost'] } }),
  postman: mutatedJson({ item: [{ request: { auth: { type: 'oauth2', oauth2 } } }], auth: { oauth2 } }),
  bruno: mutatedText(
    `meta {\n  name: x\n}\n\nauth:oauth2 {\n  grant_type: authorization_code\n  callback_url: http://localhost:1/cb\n  authorization_url: https://a.example/a\n  access_token_url: https://a.example/t\n  client_id: c\n  client_secret: ${SECRET}\n  scope: a\n}\n`,
  ),
}
const imports = fc
  .constantFrom(...Object.entries(FILES))
  .chain(([program, file]) =>
    fc.record({ argv: fc.constantFrom(['import', program], ['import', program, '--json']), stdin: file }),
  )

// Arguments and variables

const KEYS = [
  '--issuer',
  'http://127.0.0.1:1',
  '--client-id',
  'c',
  '--scope',
  'a b',
  '--hosts',
  'a.example,b.example',
  '--min-ttl-seconds',
  '60',
  '--resource',
  'http://127.0.0.1:1/r',
  '--authorization-parameters',
  'prompt=consent,a=b',
  '--token-response',
  '{"expires_in_unit":"ms"}',
]
const HARMLESS: readonly (readonly string[])[] = [
  ['token', 'gw', '--min-ttl', '60', '--format', 'json'],
  ['status', '--json'],
  ['profile', 'show', 'gw'],
  ['profile', 'list', '--json'],
  ['profile', 'add', 'other', '--replace', ...KEYS],
  ['client', 'list', '--json'],
  ['presets', 'github', '--json'],
  ['help', 'login'],
  ['inspect', 'gw', '--json'],
  ['logout', 'gw', '--json'],
  ['completion', 'bash'],
  ['vault', 'status', '--json'],
  ['refresh', 'gw'],
]
const VARIABLES = {
  ...{
    CATCHD_API_PORT: '7636',
    CATCHD_REDIRECT_PORT: '8252',
    CATCHD_VAULT: 'memory',
    CATCHD_LOG_LEVEL: 'info',
  },
  ...{
    CATCHD_URL: 'http://127.0.0.1:1',
    CATCHD_API_KEY: canary('api-key'),
    CATCHD_LOGIN_TIMEOUT_SECONDS: '60',
  },
}
const variables = fc.dictionary(
  fc.constantFrom(...Object.keys(VARIABLES), 'CATCHD_HOEM'),
  fc.oneof(oddText, mutatedText(...Object.values(VARIABLES))),
  {
    maxKeys: 2,
  },
)
const someArguments = fc
  .constantFrom(...HARMLESS)
  // The command itself stays: another one could start something.
  .chain(([command = '', ...words]) => argv(...words).map((more) => [command, ...more]))

export const helperInputs = commandTarget('helper-inputs', 2, helpers)
export const importFiles = commandTarget('import-files', 2, imports)
export const commandArguments = commandTarget(
  'arguments',
  2,
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ argv: someArguments }) },
    { weight: 1, arbitrary: fc.record({ argv: someArguments, env: variables }) },
  ),
)
