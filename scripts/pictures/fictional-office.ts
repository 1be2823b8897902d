/**
 * The place that the pictures show: a fictional office whose servers have names of `example.com`. The daemon, the
 * commands, the browser and the keychain are real. A proxy on loopback leads every name to the demo gateway.
 *
 * Ports, folders and random values differ at each run. `normalised` gives them the values that a user sees.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { startGateway } from '../../src/demo/gateway.js'
import { makeCertificates } from '../../test/support/certificates.js'
import { ConnectProxy } from '../../test/support/connect-proxy.js'
import { freePort } from '../../test/support/free-port.js'
import { startKeyring } from '../../test/support/keyring.js'
import { environment, PROGRAM } from '../../test/support/program.js'

export interface Office {
  /** Runs a line of shell in the user's home. @returns Both streams, normalised. @throws if it fails */
  run(line: string): Promise<string>
  /** The same. @returns Its standard output as it is, for addresses that are to be opened. */
  stdoutOf(line: string): Promise<string>
  normalised(text: string): string
  /** For a browser that is to reach the servers by their names. */
  readonly proxyUrl: string
  close(): Promise<void>
}

export async function openOffice(): Promise<Office> {
  const folder = await mkdtemp(join(tmpdir(), 'catchd-pictures-'))
  const home = join(folder, 'home')
  await mkdir(join(home, 'bin'), { recursive: true })
  const { caFile, key, cert } = makeCertificates(folder, 'DNS:gw.example.com,DNS:gw-test.example.com')
  const [apiPort, redirectPort] = [await freePort(), await freePort()]
  const redirectUris = ['gw', 'gw-test'].map((name) => `http://127.0.0.1:${redirectPort}/callback/${name}`)
  const gateway = await startGateway({
    tls: { key, cert },
    redirectUris,
    refreshTokens: true,
    autoApprove: true,
  })
  const proxy = new ConnectProxy({ port: Number(new URL(gateway.baseUrl).port) })
  await proxy.listen()
  const keyring = await startKeyring()

  const program = `#!/bin/sh\nexec ${process.execPath} ${PROGRAM} "$@"\n`
  const browser = '#!/bin/sh\nexec curl --silent --location --output /dev/null "$1"\n'
  for (const [name, script] of Object.entries({ catchd: program, browser })) {
    await writeFile(join(home, 'bin', name), script)
    await chmod(join(home, 'bin', name), 0o755)
  }
  await writeFile(join(home, 'secret.txt'), `${gateway.clientSecret}\n`, { mode: 0o600 })
  const env = environment(keyring.env, {
    HOME: home,
    PATH: `${join(home, 'bin')}:${process.env['PATH']}`,
    XDG_DATA_HOME: undefined,
    HTTPS_PROXY: proxy.url(),
    NO_PROXY: '127.0.0.1,localhost',
    SSL_CERT_FILE: caFile,
    CURL_CA_BUNDLE: caFile,
    CATCHD_API_PORT: String(apiPort),
    CATCHD_REDIRECT_PORT: String(redirectPort),
    CATCHD_BROWSER: join(home, 'bin', 'browser'),
  })

  const normalised = (said: string) =>
    said
      .replaceAll(keyring.env['XDG_RUNTIME_DIR'] ?? '', '/run/user/1000')
      .replaceAll(home, '/home/ada')
      .replaceAll(String(redirectPort), '8252')
      .replaceAll(String(apiPort), '7636')

  const shell = async (line: string) => {
    const child = spawn('bash', ['-c', line], { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const [[exitCode], stdout, stderr] = await Promise.all([
      once(child, 'close') as Promise<[number | null]>,
      text(child.stdout),
      text(child.stderr),
    ])
    if (exitCode !== 0) throw new Error(`${line} ended with ${exitCode}:\n${stdout}${stderr}`)
    return { stdout, stderr }
  }
  return {
    async run(line) {
      const { stdout, stderr } = await shell(line)
      return normalised(stderr + stdout)
    },
    stdoutOf: async (line) => (await shell(line)).stdout,
    normalised,
    proxyUrl: proxy.url(),
    async close() {
      await shell('catchd daemon stop').catch(() => {}) // it may not have started
      await keyring.stop()
      proxy.close()
      await gateway.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
