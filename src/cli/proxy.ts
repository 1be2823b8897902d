/**
 * `catchd proxy NAME --upstream URL`: a reverse proxy on this machine that adds the Authorization header, for tools
 * without OAuth support. Prints its base URL when it is ready, and runs until Ctrl-C.
 */
import { randomBytes } from 'node:crypto'
import type { Command } from '@commander-js/extra-typings'
import { serverUrlRule } from '../config/rules.js'
import { CatchdError } from '../failures.js'
import { forbidCoreDumps } from '../process/core-dumps.js'
import { CachedToken } from '../proxy/cached-token.js'
import { LocalProxy } from '../proxy/local-proxy.js'
import { wholeNumber } from './arguments.js'
import type { Context } from './context.js'
import { normalHost, profileForHost } from './credential/hosts.js'
import { printJson, printNote, printResult, styled } from './output.js'

interface ProxyOptions {
  readonly upstream: string
  readonly port: number
  readonly socket?: string
  readonly secret: boolean
  readonly json?: true
}

export function define(command: Command, context: Context): void {
  command
    .argument('<name>', 'profile')
    .requiredOption('--upstream <url>', 'URL to send the requests to: https, or http on this machine')
    .option(
      '--port <number>',
      'port on 127.0.0.1; any free port by default',
      wholeNumber('a port', 0, 65_535),
      0,
    )
    .option('--socket <path>', 'listen on a unix socket instead of TCP')
    .option('--no-secret', 'no random part in the base URL: every user of this machine can use the proxy')
    .option('--json', 'print the base URL as JSON')
    .action((name, options) => serve(context, name, options))
}

async function serve(context: Context, name: string, options: ProxyOptions): Promise<void> {
  const upstream = parseUpstream(options.upstream)
  await forbidCoreDumps()
  const { configuration } = await context.client.profile(name)
  requireHost(name, configuration.hosts ?? [], upstream)
  const secret = options.secret && options.socket === undefined ? randomBytes(16).toString('base64url') : ''
  const token = new CachedToken(context.client, name)
  const proxy = new LocalProxy({ upstream, secret, token })
  try {
    const baseUrl = await listen(proxy, options)
    if (!options.secret && options.socket === undefined) {
      printNote(styled('yellow', 'Every user of this machine can use this address.'))
    }
    if (options.json) printJson({ profile: name, base_url: baseUrl, upstream: upstream.href })
    else printResult(baseUrl)
    await context.untilInterrupted()
  } finally {
    await proxy.close()
  }
}

async function listen(proxy: LocalProxy, { socket, port }: ProxyOptions): Promise<string> {
  try {
    return await proxy.listen(socket === undefined ? { host: '127.0.0.1', port } : { path: socket })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error
    throw new CatchdError('already_running', {
      detail: `Cannot listen on ${socket ?? `127.0.0.1:${port}`}: it is in use, or access is denied (${code}).`,
      next: 'catchd help proxy',
      cause: error,
    })
  }
}

function parseUpstream(text: string): URL {
  if (serverUrlRule(text, 'issuer') === undefined) return new URL(text) // an issuer has no query either
  throw new CatchdError('request_invalid', {
    detail:
      '--upstream must be an https URL, or an http URL on this machine, without user name, password and query.',
    next: 'catchd help proxy',
  })
}

/** If a profile has `hosts`, its token must not be sent to other hosts. */
function requireHost(profile: string, hosts: readonly string[], upstream: URL): void {
  if (hosts.length === 0 || profileForHost([{ profile, hosts }], upstream.host) !== undefined) return
  const isSame = hosts.some((host) => normalHost(`${upstream.protocol}//${host}`) === upstream.host)
  if (isSame) return
  throw new CatchdError('request_invalid', {
    profile,
    detail: `The profile is for ${hosts.join(', ')} (hosts), not for ${upstream.host}.`,
    next: `catchd profile show ${profile}`,
  })
}
