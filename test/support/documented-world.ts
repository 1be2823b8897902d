/**
 * What the pages of docs/ speak of, on loopback: a gateway, an issuer, an MCP server, another machine behind OpenSSH, a
 * browser whose person approves, and a shell with `catchd` on its PATH and a home of its own. Servers are started once;
 * each page begins at a fresh home, whose daemon its first command starts.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { approve } from '../../src/demo/approval.js'
import { GATEWAY_PATHS, type Gateway, startGateway } from '../../src/demo/gateway.js'
import { freePort } from './free-port.js'
import { exchange } from './http-client.js'
import { MCP_SCOPE, type RunningMcpServer, startMcpServer } from './mcp-server.js'
import { needs } from './needs.js'
import { type OidcProvider, startOidcProvider } from './oidc-provider.js'
import { environment, PROGRAM } from './program.js'
import { SSHD, type Sshd, startSshd } from './sshd.js'
import { script } from './tool-system.js'

const COMMAND_ENDS_WITHIN_MS = 60_000

export interface ShellRun {
  readonly exitCode: number | null
  /** Both streams, as a terminal shows them. */
  readonly output: string
}

export class DocumentedWorld {
  readonly gateway: Gateway
  readonly issuer: OidcProvider
  readonly mcp: RunningMcpServer
  /** `undefined` where OpenSSH's server is not installed. */
  readonly sshd: Sshd | undefined
  readonly apiPort: number
  readonly redirectPort: number
  readonly #folder: string
  readonly #browser: Server
  #pages = 0
  #serving: ChildProcess[] = []

  private constructor(parts: Parts) {
    this.gateway = parts.gateway
    this.issuer = parts.issuer
    this.mcp = parts.mcp
    this.sshd = parts.sshd
    this.apiPort = parts.apiPort
    this.redirectPort = parts.redirectPort
    this.#folder = parts.folder
    this.#browser = this.#personAtABrowser()
  }

  static async start(): Promise<DocumentedWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'catchd-docs-'))
    const [apiPort, redirectPort, gateway] = [
      await freePort(),
      await freePort(),
      await startGateway({ refreshTokens: true }),
    ]
    const redirectUris = ['gw', 'corp'].map((name) => `http://127.0.0.1:${redirectPort}/callback/${name}`)
    for (const uri of redirectUris) gateway.allowRedirectUri(uri)
    let issuer: OidcProvider | undefined
    const mcp = await startMcpServer(async (url) => {
      issuer = await startOidcProvider({
        redirectUris,
        clientRegistration: true,
        resources: { [url]: MCP_SCOPE },
      })
      return issuer
    })
    if (issuer === undefined) throw new Error('There is no authorization server.')
    await mkdir(join(folder, 'ssh'))
    const sshd = needs(SSHD, 'ssh') === undefined ? await startSshd(join(folder, 'ssh')) : undefined
    const world = new DocumentedWorld({ folder, apiPort, redirectPort, gateway, issuer, mcp, sshd })
    await world.#writeCommands()
    return world
  }

  get home(): string {
    return join(this.#folder, String(this.#pages))
  }

  /** A profile `gw` that is logged in, and the files that pages name. */
  async beginPage(): Promise<void> {
    this.#pages += 1
    await mkdir(join(this.home, 'run'), { recursive: true, mode: 0o700 })
    await writeFile(join(this.home, 'secret.txt'), `${this.gateway.clientSecret}\n`, { mode: 0o600 })
    await writeFile(join(this.home, '.curlrc'), 'fail\nsilent\nshow-error\n')
    await script(join(this.home, 'nightly-report.sh'), '[ -n "$ACCESS_TOKEN" ]')
    const { clientId, baseUrl } = this.gateway
    const add = `catchd profile add gw --preset webmethods --base-url ${baseUrl} --client-id ${clientId}`
    for (const line of [`${add} --scope email --client-secret-stdin < secret.txt`, 'catchd login gw']) {
      const { exitCode, output } = await this.run(line)
      if (exitCode !== 0) throw new Error(`${line}:\n${output}`)
    }
  }

  async endPage(): Promise<void> {
    const serving = this.#serving.splice(0)
    await Promise.all(serving.map((child) => this.#interrupt(child)))
    await this.run('catchd daemon stop')
  }

  /** In a shell of this page, whose standard input is empty: what reads it must be given a file. */
  async run(line: string): Promise<ShellRun> {
    const { child, output } = this.#shell(line)
    const timer = setTimeout(() => child.kill('SIGKILL'), COMMAND_ENDS_WITHIN_MS)
    const [exitCode] = (await once(child, 'close')) as [number | null]
    clearTimeout(timer)
    return { exitCode, output: output() }
  }

  /**
   * Starts a command that serves until the page ends.
   *
   * @param isServing - Of what it printed so far
   */
  async serve(line: string, isServing: (output: string) => boolean): Promise<ShellRun> {
    const { child, output } = this.#shell(`exec ${line}`)
    this.#serving.push(child)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, COMMAND_ENDS_WITHIN_MS)
      const look = () => {
        if (child.exitCode === null && !isServing(output())) return
        clearTimeout(timer)
        resolve()
      }
      for (const stream of [child.stdout, child.stderr]) stream?.on('data', look)
      child.on('close', look)
    })
    return { exitCode: child.exitCode, output: output() }
  }

  async stop(): Promise<void> {
    this.#browser.close()
    await this.sshd?.close()
    await this.mcp.close()
    await this.issuer.close()
    await this.gateway.close()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #shell(line: string): { child: ChildProcess; output: () => string } {
    const env = environment({
      PATH: `${join(this.#folder, 'bin')}:${process.env['PATH']}`,
      HOME: this.home,
      XDG_RUNTIME_DIR: join(this.home, 'run'),
      CATCHD_API_PORT: String(this.apiPort),
      CATCHD_REDIRECT_PORT: String(this.redirectPort),
      CATCHD_VAULT: 'file',
      CATCHD_BROWSER: join(this.#folder, 'bin/a-browser'),
    })
    const child = spawn('bash', ['-c', line], { env, cwd: this.home, stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8')
      })
    }
    return { child, output: () => text }
  }

  async #interrupt(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGINT')
    await ended
  }

  async #writeCommands(): Promise<void> {
    const bin = join(this.#folder, 'bin')
    await mkdir(bin)
    await script(join(bin, 'catchd'), `exec "${process.execPath}" "${PROGRAM}" "$@"`)
    const { port } = this.#browser.address() as AddressInfo
    await script(join(bin, 'a-browser'), `exec curl -s --data-binary "$1" http://127.0.0.1:${port}/`)
    // For machines without a user manager: everything succeeds.
    await script(join(bin, 'systemctl'), 'exit 0')
    // ~/.ssh is found by the user's entry, not by HOME.
    await script(
      join(bin, 'ssh'),
      `exec /usr/bin/ssh ${this.sshd?.words.join(' ')} -o HostName=127.0.0.1 "$@"`,
    )
  }

  /** Each page that `catchd` opens is posted here. */
  #personAtABrowser(): Server {
    const server = createServer(async (request, response) => {
      let url = ''
      for await (const chunk of request) url += String(chunk)
      response.end()
      const [user] = this.gateway.users
      if (url.startsWith(this.gateway.baseUrl + GATEWAY_PATHS.authorize)) {
        await exchange(await approve(url, { user: user.name, password: user.password }))
      } else if (url.startsWith(this.issuer.issuer)) {
        await exchange(await this.issuer.approveByRedirect(url))
      }
    })
    return server.listen(0, '127.0.0.1')
  }
}

interface Parts {
  readonly folder: string
  readonly apiPort: number
  readonly redirectPort: number
  readonly gateway: Gateway
  readonly issuer: OidcProvider
  readonly mcp: RunningMcpServer
  readonly sshd: Sshd | undefined
}
