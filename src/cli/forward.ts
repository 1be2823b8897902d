/**
 * `catchd forward user@host`: gives another machine limited access to the API over OpenSSH, while the command runs. The
 * access is that of a new API key. Without a destination, it serves the same access on a socket of this machine, which a
 * container can mount.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import { networkInterfaces, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Command } from '@commander-js/extra-typings'
import type { ClientWithKey, KeyAction } from '../client/api-types.js'
import { CatchdError } from '../failures.js'
import { listenPrivately } from '../forward/private-socket.js'
import { createRelay } from '../forward/relay.js'
import { socketThere } from '../forward/ssh-command.js'
import { SshSession } from '../forward/ssh-session.js'
import { forbidCoreDumps } from '../process/core-dumps.js'
import { Secret } from '../secret.js'
import { shellWord } from '../text/shell-word.js'
import { choicesOf, commaList, duration, wholeNumber } from './arguments.js'
import type { Context } from './context.js'
import { expiryInWords, printJson, printNote, printResult } from './output.js'

const DEFAULT_EXPIRES_SECONDS = 12 * 3600
/** Actions that only affect tokens and logins of the key's profiles. */
const ACTIONS: readonly KeyAction[] = ['token', 'login']
const DEFAULT_ACTIONS: KeyAction[] = ['token']
const portNumber = wholeNumber('a port', 1, 65_535)

interface ForwardOptions {
  readonly profiles: string[]
  readonly actions: KeyAction[]
  readonly expires: number
  readonly port?: number
  readonly callback?: number[]
  readonly socket?: string
  readonly json?: true
}

export function define(command: Command, context: Context): void {
  command
    .argument('[destination]', 'user@host, as for ssh')
    .argument('[ssh-options...]', 'more options for ssh, after --')
    .requiredOption('--profiles <names>', 'profiles to make available, separated by commas', commaList)
    .option(
      '--actions <actions>',
      'allowed actions: token, login, separated by commas',
      choicesOf(ACTIONS),
      DEFAULT_ACTIONS,
    )
    .option('--expires <duration>', 'time after which the access ends', duration, DEFAULT_EXPIRES_SECONDS)
    .option(
      '--port <number>',
      'also listen on this port of 127.0.0.1 on the other machine; requests there need the key',
      portNumber,
    )
    .option(
      '--callback <ports>',
      'ports of this machine to forward to the same ports of the other machine, for redirect URIs',
      (text) => commaList(text).map(portNumber),
    )
    .option('--socket <path>', 'use a socket of this machine instead of a destination')
    .option('--json', 'print the settings for the other machine as JSON')
    .action((destination, words, options) => forward(context, destination, words, options))
}

async function forward(
  context: Context,
  destination: string | undefined,
  sshWords: readonly string[],
  options: ForwardOptions,
): Promise<void> {
  requireOnePlace(destination, options)
  await forbidCoreDumps()
  const { client } = context
  const api = await tcpApi(context)
  const key = await client.addClient({
    client: `forward-${randomBytes(4).toString('hex')}`,
    profiles: options.profiles,
    actions: options.actions,
    expiresInSeconds: options.expires,
  })
  const servers: Server[] = []
  const folder = await mkdtemp(join(tmpdir(), 'catchd-forward-')) // 0700
  try {
    const own = { api, key: new Secret(key.key) }
    if (destination === undefined) {
      const path = resolve(options.socket ?? '')
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      servers.push(await listenPrivately(createRelay(own), path))
      announceSocket(key, path, options)
      await context.untilInterrupted()
      return
    }
    const relaySocket = join(folder, 'relay')
    servers.push(await listenPrivately(createRelay(own), relaySocket))
    const byPort =
      options.port === undefined ? undefined : { number: options.port, relaySocket: join(folder, 'port') }
    if (byPort !== undefined) {
      servers.push(
        await listenPrivately(createRelay({ ...own, knownAsPort: byPort.number }), byPort.relaySocket),
      )
    }
    const id = randomBytes(8).toString('hex')
    const callbackPorts = options.callback ?? []
    const loopbackAddresses = loopback()
    const forwarding = {
      destination,
      sshWords,
      id,
      relaySocket,
      port: byPort,
      callbackPorts,
      loopbackAddresses,
    }
    const session = new SshSession(forwarding, byPort === undefined ? undefined : own.key)
    try {
      const home = await Promise.race([session.ready, context.untilInterrupted()])
      announce(key, destination, home, socketThere({ id }), options)
      throw await Promise.race([session.ended, context.untilInterrupted()])
    } finally {
      await session.stop()
    }
  } finally {
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
    await rm(folder, { recursive: true, force: true })
    await client.removeClient(key.client, { signal: AbortSignal.timeout(5_000) })
    client.close()
  }
}

function requireOnePlace(destination: string | undefined, { socket, port, callback }: ForwardOptions): void {
  const fail = (detail: string) => {
    throw new CatchdError('request_invalid', { detail, next: 'catchd help forward' })
  }
  if ((destination === undefined) === (socket === undefined))
    fail('Give either user@host or --socket PATH, not both.')
  if (destination?.startsWith('-') || destination === '') fail('The destination must be like user@host.')
  if (socket !== undefined && (port !== undefined || callback !== undefined)) {
    fail('--port and --callback need user@host. They cannot be used with --socket.')
  }
}

/** Only the TCP listener checks API keys. */
async function tcpApi(context: Context): Promise<string> {
  const { listeners } = await context.client.status()
  if (listeners.tcp !== null) return listeners.tcp
  throw new CatchdError('config_invalid', {
    detail: 'catchd forward needs the TCP port of the daemon, but it is switched off (CATCHD_API_PORT is 0).',
    next: 'CATCHD_API_PORT=7636 catchd daemon restart',
  })
}

function announce(
  key: ClientWithKey,
  destination: string,
  home: string,
  socket: string,
  options: ForwardOptions,
): void {
  const url = options.port === undefined ? null : `http://127.0.0.1:${options.port}`
  const keyFile = url === null ? null : `${home}/api-key`
  if (options.json) {
    const { client, expires_at } = key
    printJson({ client, home, socket, url, key_file: keyFile, expires_at })
    return
  }
  printNote(
    `${destination} can use ${key.profiles.join(', ')} until this command ends, ${untilOf(key)}. Run there:`,
  )
  printResult(`export CATCHD_HOME=${shellWord(home, 'linux')}`)
  if (keyFile !== null) {
    printResult('# or, for tools that cannot use a socket:')
    printResult(`export CATCHD_URL=${url} CATCHD_API_KEY="$(cat ${shellWord(keyFile, 'linux')})"`)
  }
  printNote(`curl --unix-socket ${shellWord(socket, 'linux')} http://localhost/v1/tokens/${key.profiles[0]}`)
}

function announceSocket(key: ClientWithKey, path: string, options: ForwardOptions): void {
  if (options.json) {
    printJson({ client: key.client, socket: path, expires_at: key.expires_at })
    return
  }
  printNote(
    `Programs that open this socket can use ${key.profiles.join(', ')} until this command ends, ${untilOf(key)}.`,
  )
  printResult(path)
}

function untilOf({ expires_at }: ClientWithKey): string {
  return `at the latest ${expiryInWords(expires_at, Date.now())}`
}

function loopback(): string[] {
  const own = Object.values(networkInterfaces()).flatMap((interfaces) => interfaces ?? [])
  return own.some(({ address }) => address === '::1') ? ['127.0.0.1', '[::1]'] : ['127.0.0.1']
}
