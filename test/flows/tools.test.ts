/** Other people's tools get their tokens through their own helper protocols: git, docker, kubectl. */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeCertificates } from '../support/certificates.js'
import { needs } from '../support/needs.js'
import { environment, PROGRAM } from '../support/program.js'
import { type SeedSystem, startSeedSystem } from '../support/seed-system.js'

const run = promisify(execFile)
const cleanUps: (() => Promise<void> | void)[] = []
let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catchd-tools-'))
})
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  await rm(folder, { recursive: true })
})

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUps.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** A system whose profile is for these hosts, logged in, with `catchd` on the PATH. */
async function system(hosts: string[]) {
  const started = await startSeedSystem({ refreshTokens: true, profile: { hosts } })
  cleanUps.push(() => started.stop())
  await started.login()
  const bin = join(folder, 'bin')
  await mkdir(bin)
  await script(join(bin, 'catchd'), `exec "${process.execPath}" "${PROGRAM}" "$@"`)
  const env = environment({
    PATH: `${bin}:${process.env['PATH']}`,
    HOME: folder,
    CATCHD_HOME: started.daemon.home,
    CATCHD_API_PORT: String(started.daemon.apiPort),
    CATCHD_REDIRECT_PORT: String(started.daemon.redirectPort),
  })
  return { ...started, bin, env, token: () => currentToken(started) }
}

async function currentToken({ daemon }: SeedSystem): Promise<string> {
  return String((await daemon.api('GET', '/v1/tokens/gw')).json['access_token'])
}

async function script(path: string, text: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${text}\n`)
  await chmod(path, 0o755)
}

function basicPassword(request: IncomingMessage): string | undefined {
  const [scheme, encoded = ''] = (request.headers.authorization ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'basic') return undefined
  return Buffer.from(encoded, 'base64').toString().split(':')[1]
}

/** A repository behind git's own CGI program, for whoever brings the token as password. */
async function gitServer(isGood: (password: string | undefined) => boolean) {
  const root = join(folder, 'repositories')
  const work = join(folder, 'work')
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example', ...args], { stdio: 'pipe' })
  git('init', '--quiet', work)
  await writeFile(join(work, 'hello'), 'hello')
  git('-C', work, 'add', '.')
  git('-C', work, 'commit', '--quiet', '-m', 'first')
  git('clone', '--quiet', '--bare', work, join(root, 'r.git'))
  const backend = join(git('--exec-path').toString().trim(), 'git-http-backend')
  const refused: (string | undefined)[] = []
  const port = await listen(
    createServer((request, response) => {
      const password = basicPassword(request)
      if (!isGood(password)) {
        if (password !== undefined) refused.push(password)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
        return
      }
      serveCgi(backend, root, request, response)
    }),
  )
  return { url: `http://localhost:${port}/r.git`, host: `localhost:${port}`, refused }
}

function serveCgi(program: string, root: string, request: IncomingMessage, response: ServerResponse) {
  const [path = '', query = ''] = (request.url ?? '').split('?')
  const child = spawn(program, {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: request.method,
      PATH_INFO: path,
      QUERY_STRING: query,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
    },
  })
  request.pipe(child.stdin)
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.on('close', () => {
    const all = Buffer.concat(chunks)
    const end = all.indexOf('\r\n\r\n')
    for (const line of all.subarray(0, end).toString().split('\r\n')) {
      const [name = '', value = ''] = line.split(': ')
      if (name.toLowerCase() !== 'status') response.setHeader(name, value)
    }
    response.end(all.subarray(end + 4))
  })
}

test('git clones with the token, and one that the server refuses is renewed for the next time', async () => {
  const good = new Set<string>()
  const server = await gitServer((password) => password !== undefined && good.has(password))
  const { env, token, daemon } = await system([server.host])
  const helper = ['-c', 'credential.helper=', '-c', 'credential.helper=!catchd credential git']
  const clone = (name: string) =>
    run('git', [...helper, 'clone', '--quiet', server.url, join(folder, name)], {
      env: { ...env, GIT_TERMINAL_PROMPT: '0' },
    })

  const first = await token()
  await expect(clone('refused')).rejects.toThrow()
  expect(server.refused).toContain(first)
  const second = await token()
  expect(second).not.toBe(first)
  good.add(second)
  await clone('cloned')
  expect(execFileSync('cat', [join(folder, 'cloned', 'hello')]).toString()).toBe('hello')
  expect(daemon.exitCode).toBeNull()
}, 30_000)

/** No Debian package brings these; where they are, they are tried. */
function whereInstalled(command: string): boolean {
  try {
    execFileSync('/bin/sh', ['-c', 'command -v "$0"', command], { stdio: 'ignore' })
    return true
  } catch {
    console.warn(`not tried, since it is not installed here: ${command}`)
    return false
  }
}

if (whereInstalled('kubectl')) {
  test('kubectl brings the token to the API server', async () => {
    const { ca, caFile, key, cert } = makeCertificates(folder)
    const seen: (string | undefined)[] = []
    const port = await listen(
      createTlsServer({ key, cert }, (request, response) => {
        seen.push(request.headers.authorization)
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Success' }))
      }),
    )
    expect(ca).toContain('CERTIFICATE')
    const { env, token } = await system([])
    const kubeconfig = join(folder, 'kubeconfig')
    await writeFile(
      kubeconfig,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'c',
        clusters: [
          { name: 'c', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority': caFile } },
        ],
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
        users: [
          {
            name: 'u',
            user: {
              exec: {
                apiVersion: 'client.authentication.k8s.io/v1',
                command: 'catchd',
                args: ['credential', '--profile', 'gw', 'kubectl'],
                interactiveMode: 'Never',
              },
            },
          },
        ],
      }),
    )
    const { stdout } = await run('kubectl', ['--kubeconfig', kubeconfig, 'get', '--raw', '/version'], { env })
    expect(JSON.parse(stdout)).toMatchObject({ status: 'Success' })
    expect(new Set(seen)).toEqual(new Set([`Bearer ${await token()}`]))
  }, 30_000)
}

if (whereInstalled('docker')) {
  test('docker brings the token to a registry', async () => {
    const passwords: (string | undefined)[] = []
    const port = await listen(
      createServer((request, response) => {
        const password = basicPassword(request)
        passwords.push(password)
        if (password === undefined) {
          response.writeHead(401, { 'www-authenticate': 'Basic realm="registry"' }).end()
          return
        }
        response.writeHead(404).end()
      }),
    )
    const { env, bin, token } = await system([`127.0.0.1:${port}`])
    await script(join(bin, 'docker-credential-catchd'), 'exec catchd credential docker "$@"')
    const config = join(folder, 'docker')
    await mkdir(config)
    await writeFile(join(config, 'config.json'), JSON.stringify({ credsStore: 'catchd' }))
    const image = `127.0.0.1:${port}/team/image:1`
    // The registry holds nothing; whose token it was asked with is the question.
    const inspect = ['--config', config, 'manifest', 'inspect', '--insecure', image]
    await expect(run('docker', inspect, { env })).rejects.toThrow()
    expect(passwords).toContain(await token())
  }, 30_000)
}

test.skipIf(needs('curl') !== undefined)(
  'curl reads the token from a header file of no process list',
  async () => {
    const seen: (string | undefined)[] = []
    const port = await listen(
      createServer((request, response) => {
        seen.push(request.headers.authorization)
        response.end('ok')
      }),
    )
    const { env, token } = await system([])
    const command = `catchd token gw --format header | curl --silent --header @- http://127.0.0.1:${port}/`
    const { stdout } = await run('sh', ['-c', command], { env })
    expect(stdout).toBe('ok')
    expect(seen).toEqual([`Bearer ${await token()}`])
  },
)
