/**
 * `catchd proxy NAME --upstream URL`: a reverse proxy on this machine that adds the Authorization header, for tools
 * without OAuth support. Prints its base URL when it is ready, and runs until Ctrl-C.
 */
import { randomBytes } from 'node:crypto'
import { chmodSync } from 'node:fs'
import type { Command } from '@commander-js/extra-typings'
import { serverUrlRule } from '../config/rules.js'
import { CatchdError } from '../failures.js'
import { CachedToken } from '../proxy/cached-token.js'
import { buildProxyApp } from '../proxy/proxy-app.js'
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
  const { configuration } = await context.client.profile(name)
  requireHost(name, configuration.hosts ?? [], upstream)
  const secret = options.secret && options.socket === undefined ? randomBytes(16).toString('base64url') : ''
  const authorities = new Set<string>()
  const app = await buildProxyApp({
    upstream: upstream.href,
    secret,
    token: new CachedToken(context.client, name),
    authorities: () => (options.socket === undefined ? authorities : undefined),
  })
  try {
    const base = await listen(app, options, authorities)
    if (!options.secret && options.socket === undefined) {
      printNote(styled('yellow', 'Every user of this machine can use this address.'))
    }
    const baseUrl = secret === '' ? base : `${base}/${secret}`
    if (options.json) printJson({ profile: name, base_url: baseUrl, upstream: upstream.href })
    else printResult(baseUrl)
    await context.untilInterrupted()
  } finally {
    await app.close()
  }
}

type App = Awaited<ReturnType<typeof buildProxyApp>>

async function listen(app: App, options: ProxyOptions, authorities: Set<string>): Promise<string> {
  const { socket } = options
  try {
    if (socket !== undefined) {
      const umask = process.umask(0o177)
      await app.listen({ path: socket }).finally(() => process.umask(umask))
      chmodSync(socket, 0o600)
      return `unix:${socket}`
    }
    const base = new URL(await app.listen({ host: '127.0.0.1', port: options.port }))
    for (const host of ['127.0.0.1', 'localhost']) authorities.add(`${host}:${base.port}`)
    return base.origin
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error
    throw new CatchdError('already_running', {
      detail: `Cannot listen on ${socket ?? `127.0.0.1:${options.port}`}: it is in use, or access is denied (${code}).`,
      next: 'catchd proxy … --port 0',
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
