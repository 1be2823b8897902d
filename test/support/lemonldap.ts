/**
 * LemonLDAP::NG, an authorization server in Perl from the distribution's packages, under starman on a free loopback
 * port: `session_state` beside the code, refresh tokens that stay the same, no `iss`, no revocation endpoint, and
 * `invalid_request` instead of `invalid_grant` for a refresh token that it does not know.
 *
 * Its configuration, sessions and caches are in one temporary folder; what the packages set up under /etc is neither
 * read nor changed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from './free-port.js'
import { CookieSession, exchange, readForm, redirectTarget } from './http-client.js'
import { needs } from './needs.js'

/** Of the portal's package, which puts nothing on the PATH. */
const PORTAL_COMMAND = '/usr/share/lemonldap-ng/bin/llngDeleteSession'
const PORTAL_APPLICATION = '/usr/share/lemonldap-ng/portal/htdocs/index.psgi'

/** For `describe.skipIf(withoutLemonldap !== undefined)`. */
export const withoutLemonldap = needs('starman', PORTAL_COMMAND)

/** Perl reads half of CPAN first. */
const STARTS_WITHIN_MS = 60_000
/** Its demonstration users have their names as passwords. */
const USER = { user: 'dwho', password: 'dwho' }
/** Signing in, consenting, and a redirect after each. */
const MOST_STEPS = 8

export interface LemonldapOptions {
  readonly redirectUris: readonly string[]
}

export interface Lemonldap {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** Signs in and answers the question for consent; the Location that leads to the redirect URI, not followed. */
  approve(authorizationUrl: string, approval?: { readonly refuseConsent?: boolean }): Promise<string>
  /** What it printed so far, the steps of each request among it. */
  log(): string
  /** As its administrator may: of codes, tokens and logins nothing is left. */
  forgetSessions(): Promise<void>
  close(): Promise<void>
}

export async function startLemonldap(options: LemonldapOptions): Promise<Lemonldap> {
  const folder = await mkdtemp(join(tmpdir(), 'catchd-lemonldap-'))
  const origin = `http://127.0.0.1:${await freePort()}`
  // Its reader of Basic credentials stops at + and /, which these two do not lead to in base64.
  const client = { clientId: 'catchd', clientSecret: 'lemonldapsecret' }
  for (const name of ['conf', 'sessions', 'locks', 'cache']) await mkdir(join(folder, name))
  await writeFile(join(folder, 'lemonldap-ng.ini'), localConfiguration(folder))
  await writeFile(
    join(folder, 'conf', 'lmConf-1.json'),
    JSON.stringify(configuration(folder, origin, client, options)),
  )
  const { hostname, port } = new URL(origin)
  const child = spawn(
    'starman',
    ['--listen', `${hostname}:${port}`, '--workers', '2', '--preload-app', PORTAL_APPLICATION],
    {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        LANG: 'C.UTF-8',
        LLNG_DEFAULTCONFFILE: join(folder, 'lemonldap-ng.ini'),
        LLNG_DEFAULTLOGGER: 'Lemonldap::NG::Common::Logger::Std',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      printed += chunk.toString('utf8')
    })
  }
  const close = async () => {
    await endProcess(child)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await waitUntilServing(child, origin, () => printed)
  } catch (error) {
    await close()
    throw error
  }
  return {
    ...client,
    issuer: origin,
    approve: (authorizationUrl, { refuseConsent = false } = {}) =>
      approve(authorizationUrl, origin, refuseConsent),
    log: () => printed,
    async forgetSessions() {
      const sessions = join(folder, 'sessions')
      for (const name of await readdir(sessions)) await rm(join(sessions, name))
      await rm(join(folder, 'cache'), { recursive: true })
    },
    close,
  }
}

/** Where the configuration is; and what no configuration that is shared by several machines says. */
function localConfiguration(folder: string): string {
  return `[all]
logLevel = debug
[configuration]
type = File
dirName = ${folder}/conf
localStorage = Cache::FileCache
localStorageOptions = { 'namespace' => 'configuration', 'cache_root' => '${folder}/cache', 'cache_depth' => 1 }
[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = en
`
}

function configuration(
  folder: string,
  origin: string,
  client: { readonly clientId: string; readonly clientSecret: string },
  { redirectUris }: LemonldapOptions,
): object {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  return {
    cfgNum: 1,
    cfgDate: 1,
    portal: `${origin}/`,
    domain: '127.0.0.1',
    securedCookie: 0,
    cookieName: 'lemonldap',
    authentication: 'Demo',
    userDB: 'Same',
    passwordDB: 'Null',
    registerDB: 'Null',
    demoExportedVars: { uid: 'uid', cn: 'cn', mail: 'mail' },
    whatToTrace: '_whatToTrace',
    macros: { _whatToTrace: '$_user' },
    globalStorage: 'Apache::Session::File',
    globalStorageOptions: {
      Directory: join(folder, 'sessions'),
      LockDirectory: join(folder, 'locks'),
      generateModule: 'Lemonldap::NG::Common::Apache::Session::Generate::SHA256',
    },
    localSessionStorage: 'Cache::FileCache',
    localSessionStorageOptions: {
      namespace: 'sessions',
      cache_root: join(folder, 'cache'),
      cache_depth: 1,
    },
    locationRules: { '127.0.0.1': { default: 'accept' } },
    issuerDBOpenIDConnectActivation: 1,
    oidcServiceMetaDataIssuer: origin,
    oidcServicePrivateKeySig: privateKey,
    oidcServicePublicKeySig: publicKey,
    oidcServiceKeyIdSig: 'test',
    oidcRPMetaDataExportedVars: { catchd: { email: 'mail', name: 'cn' } },
    oidcRPMetaDataOptions: {
      catchd: {
        oidcRPMetaDataOptionsClientID: client.clientId,
        oidcRPMetaDataOptionsClientSecret: client.clientSecret,
        oidcRPMetaDataOptionsDisplayName: 'catchd',
        oidcRPMetaDataOptionsRedirectUris: redirectUris.join(' '),
        oidcRPMetaDataOptionsRequirePKCE: 1,
        oidcRPMetaDataOptionsAllowOffline: 1,
        oidcRPMetaDataOptionsBypassConsent: 0,
        oidcRPMetaDataOptionsIDTokenSignAlg: 'RS256',
      },
    },
  }
}

async function waitUntilServing(child: ChildProcess, origin: string, printed: () => string): Promise<void> {
  const giveUpAtMs = Date.now() + STARTS_WITHIN_MS
  while (Date.now() < giveUpAtMs && child.exitCode === null) {
    const metadata = `${origin}/.well-known/openid-configuration`
    const answer = await exchange(metadata, { timeoutMs: 2000 }).catch(() => undefined)
    if (answer?.status === 200) return
    await delay(50)
  }
  throw new Error(`LemonLDAP::NG does not serve:\n${printed().slice(0, 4000)}`)
}

async function approve(authorizationUrl: string, origin: string, refuseConsent: boolean): Promise<string> {
  const session = new CookieSession()
  let url = authorizationUrl
  let answer = await session.send(url)
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const target = redirectTarget(answer, url)
    if (target !== undefined && !target.startsWith(`${origin}/`)) return target
    if (target !== undefined) {
      url = target
      answer = await session.send(url)
      continue
    }
    const form = readForm(answer.body, url)
    if (form === undefined) throw new Error(`LemonLDAP::NG shows no form but answers ${answer.status}.`)
    const filled = 'password' in form.fields ? USER : { confirm: refuseConsent ? '-1' : '1' }
    url = form.action
    answer = await session.postForm(url, { ...form.fields, ...filled })
  }
  throw new Error('LemonLDAP::NG asks for more than signing in and consenting.')
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
  await ended
  clearTimeout(timer)
}
