/**
 * Everything that the pages about tools talk to, on loopback, and the names by which they do: an API, a git server, a
 * registry, a cluster, a mail server, and the token services of Google and AWS. They take this daemon's token and no
 * other, and say what they were brought.
 */
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { createServer as createTlsServer } from 'node:https'
import { dirname, join, resolve } from 'node:path'
import { makeCertificates } from './certificates.js'
import { freePort } from './free-port.js'
import { type GitServer, startGitServer } from './git-server.js'
import { FEDERATED_TOKEN, type GoogleSts, startGoogleSts } from './google-sts.js'
import { JOB_SECRET, type JobServer, startJobServer } from './job-servers.js'
import type { Names } from './paste-session.js'
import { type Registry, startRegistry } from './registry.js'
import { type SmtpServer, startSmtpServer } from './smtp-server.js'
import { type StsStub, startStsStub } from './sts-stub.js'
import { HTTPYAC, script, type ToolBench, type Tools } from './tool-system.js'

const ROOT = resolve(import.meta.dirname, '../..')
const LIBRARIES = [
  'google-auth-library',
  '@modelcontextprotocol/client',
  '@modelcontextprotocol/sdk',
  '@types/node',
  'undici-types',
]
export interface ToolWorld extends Tools {
  readonly names: Names
  /** Authorization headers of requests to the API. */
  readonly api: { readonly seen: (string | undefined)[] }
  readonly git: GitServer
  readonly registry: Registry
  /** Authorization headers of requests to the cluster. */
  readonly cluster: (string | undefined)[]
  readonly mail: SmtpServer
  readonly google: GoogleSts
  readonly aws: StsStub
  /** Where the page's own profile logs in. */
  readonly job: JobServer | undefined
}

/** @param page - Name of the page; the profile of dpop.md has tokens that are bound to a key. */
export async function startToolWorld(bench: ToolBench, page: string): Promise<ToolWorld> {
  const isBound = page === 'dpop.md'
  let token = ''
  const job = await startJobServer(bench, page)
  const isGood = (given: string) => given === token || job?.emulator.knows(given) === true
  const isGoodHere = (given: string) => isGood(given) || given === FEDERATED_TOKEN
  const { caFile, key, cert } = makeCertificates(bench.folder)

  const api = await bench.api((request, response) => {
    const [, given = ''] = (request.headers.authorization ?? '').split(' ')
    response.writeHead(isGoodHere(given) ? 200 : 401).end(isGoodHere(given) ? 'ok' : 'who are you?')
  })
  const git = await startGitServer(bench, isGood)
  const registry = await startRegistry(bench, { key, cert }, isGood)
  const cluster: ToolWorld['cluster'] = []
  const clusterServer = createTlsServer({ key, cert }, (request, response) => {
    const { authorization } = request.headers
    cluster.push(authorization)
    // The kubectl of Google's SDK asks twice after a question as nobody, and then has another token than the first one.
    const good = authorization?.startsWith('Bearer ') === true
    response.writeHead(good ? 200 : 401, { 'content-type': 'application/json' }).end('{"major":"1"}')
  })
  const clusterHost = `127.0.0.1:${await bench.listen(clusterServer)}`
  const mail = await startSmtpServer(bench, { key, cert }, isGood)
  const google = await startGoogleSts(bench, isGood)
  const aws = await startStsStub(isGood)
  bench.after(() => aws.close())

  const profile = { hosts: [registry.host, git.host, new URL(api.url).host, clusterHost] }
  const browser = join(bench.folder, 'a-browser')
  await script(browser, 'exec curl --silent --location --output /dev/null "$1"')
  const tools = await (isBound
    ? bench.boundSystem(profile)
    : bench.system({ profile, env: { CATCHD_BROWSER: browser } }))
  token = await tools.token()
  await prepareHome(bench.folder, tools, { clusterHost, caFile })
  await writeFile(join(bench.folder, 'secret.txt'), `${JOB_SECRET}\n`)
  const env = {
    ...tools.env,
    PATH: `${join(bench.folder, '.local', 'bin')}:${dirname(HTTPYAC)}:${tools.env['PATH']}`,
    XDG_RUNTIME_DIR: join(bench.folder, 'runtime'),
    // As the daemon has them: otherwise every failure would speak of other settings.
    CATCHD_VAULT: 'memory',
    CATCHD_BROWSER: browser,
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_NOSYSTEM: '1',
    SSL_CERT_FILE: caFile, // docker's
    AWS_ENDPOINT_URL_STS: aws.url,
    GOOGLE_CLOUD_PROJECT: 'p', // Google's library would ask Google for it
  }
  const [proxyPort, callbackPort] = [await freePort(), await freePort()]
  const gitPort = git.host.split(':')[1]
  const names: Names = [
    ...(job?.names ?? []),
    [/(?<=catchd profile set-secret \w+)(?=\n)/, ' --stdin < secret.txt'], // a person types it
    ['https://github.com/team/private.git', `http://127.0.0.1:${gitPort}/team/repo.git private`],
    ['--scope repo', `--scope repo --hosts 127.0.0.1:${gitPort}`],
    ['https://github.com', `http://127.0.0.1:${gitPort}`],
    ['host=github.com', `host=127.0.0.1:${gitPort}`],
    [/https:\/\/git\.example\.com(?=\/team\/module|\n)/, `https://${git.host}`], // nobody goes there
    ['https://api.example.com', api.url.replace(/\/$/, '')],
    ['https://git.example.com', `http://${git.host}`],
    ['protocol=https', 'protocol=http'],
    ['git.example.com', git.host],
    ['images.example.com', registry.host],
    ['port 587', `port ${mail.port}`],
    ['smtp.gmail.com', 'localhost'],
    ['smtp.example.com:587', `localhost:${mail.port}`],
    ['smtp.example.com', 'localhost'],
    ['/etc/ssl/certs/ca-certificates.crt', caFile],
    ['https://sts.googleapis.com/v1/token', google.url],
    ['127.0.0.1:7636', `127.0.0.1:${tools.daemon.apiPort}`],
    ['127.0.0.1:9000', `127.0.0.1:${proxyPort}`],
    ['--port 9000', `--port ${proxyPort}`],
    ['7Zk3…', '…'],
    ['localhost:3000/cb', `localhost:${callbackPort}/cb`],
    ['/home/me', bench.folder],
    [/\bKEY\b/, isBound ? '' : await tools.key()],
    ['60_000', '1_000'],
  ]
  return { ...tools, env, names, api, git, registry, cluster, mail, google, aws, job }
}

const KUBELOGIN = {
  apiVersion: 'client.authentication.k8s.io/v1',
  interactiveMode: 'Never',
  command: 'kubectl',
  args: [
    'oidc-login',
    'get-token',
    '--oidc-issuer-url=https://id.example',
    '--oidc-client-id=kubernetes',
    '--oidc-extra-scope=groups',
  ],
}

/** What a person has before they open a page. */
async function prepareHome(
  folder: string,
  { daemon }: Tools,
  { clusterHost, caFile }: { clusterHost: string; caFile: string },
): Promise<void> {
  const file = (name: string) => join(folder, name)
  for (const name of ['.kube', '.aws', '.docker', 'runtime']) {
    await mkdir(file(name), { recursive: true })
  }
  await writeFile(file('.curlrc'), 'silent\nshow-error\n')
  await writeFile(
    file('.kube/config'),
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      clusters: [
        { name: 'c', cluster: { server: `https://${clusterHost}`, 'certificate-authority': caFile } },
      ],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'nobody' } }],
      users: [{ name: 'kubelogin', user: { exec: KUBELOGIN } }],
    }),
  )
  await symlink(join(daemon.home, 'run'), file('runtime/catchd'))
  await linkPackages(folder)
}

/** Programs in the folder find this package, and the libraries that they use it with, as npm would have installed them. */
export async function linkPackages(folder: string): Promise<void> {
  const packages = {
    catchd: ROOT,
    ...Object.fromEntries(LIBRARIES.map((name) => [name, join(ROOT, 'node_modules', name)])),
  }
  for (const [name, target] of Object.entries(packages)) {
    const link = join(folder, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(target, link)
  }
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
}
