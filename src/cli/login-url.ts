/** `catchd login https://…`: the profile for a URL, which the daemon finds or makes. */
import { resolve } from 'node:path'
import type { ProfileAnswer } from '../client/api-types.js'
import { CatchdError } from '../failures.js'
import { printable } from '../text/printable.js'
import type { Context } from './context.js'
import { readLine } from './line-input.js'
import { facts, printNote } from './output.js'

/** Options of `catchd login` that need a URL. */
export interface UrlOptions {
  readonly name?: string
  readonly clientId?: string
  readonly scope?: string
  readonly redirectUri?: string
  readonly issuer?: string
  readonly caFile?: string
  readonly register?: true
}

export function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text)
}

/** @throws CatchdError `request_invalid` if one of them is given with the name of a profile */
export function refuseUrlOptions(name: string, options: UrlOptions): void {
  const flags = {
    name: '--name',
    clientId: '--client-id',
    scope: '--scope',
    redirectUri: '--redirect-uri',
    issuer: '--issuer',
    caFile: '--ca-file',
    register: '--register',
  }
  const [, given] = Object.entries(flags).find(([option]) => option in options) ?? []
  if (given === undefined) return
  throw new CatchdError('request_invalid', {
    detail: `${given} is only for a URL. The profile "${name}" has this setting in the configuration.`,
    next: `catchd profile edit ${name}`,
  })
}

/**
 * Prints the settings of the profile on stderr, before a browser opens. If the resource names another authorization
 * server than before, a user at a terminal is asked; otherwise the failure names the option.
 *
 * @returns The name of the profile.
 */
export async function profileOfUrl(context: Context, url: string, options: UrlOptions): Promise<string> {
  const request = {
    url,
    profile: options.name,
    clientId: options.clientId,
    scope: options.scope,
    redirectUri: options.redirectUri,
    issuer: options.issuer,
    caFile: options.caFile === undefined ? undefined : resolve(options.caFile),
    registerAgain: options.register,
  }
  const answer = await context.client.discoverProfile(request).catch(async (error: unknown) => {
    const issuer = await agreedIssuer(context, error)
    if (issuer === undefined) throw error
    return context.client.discoverProfile({ ...request, issuer })
  })
  printNote(settingsOf(answer))
  return answer.profile
}

/** The new authorization server, if the user agrees to it. The failure names it in its command. */
async function agreedIssuer({ signal }: Context, error: unknown): Promise<string | undefined> {
  if (!(error instanceof CatchdError) || error.code !== 'issuer_mismatch' || !process.stdin.isTTY)
    return undefined
  const [, issuer] = / --name \S+ --issuer ['"]?([^\s'"]+)['"]?$/.exec(error.next) ?? []
  if (issuer === undefined) return undefined
  printNote(error.message)
  const answer = await readLine(`Register a new client at ${printable(issuer)}? [y/N] `, signal)
  return /^y(?:es)?$/i.test(answer?.trim() ?? '') ? issuer : undefined
}

function settingsOf({ profile, configuration }: ProfileAnswer): string[] {
  const { resource, issuer, client_id, scope } = configuration
  const rows: [string, string | undefined][] = [
    ['resource', typeof resource === 'string' ? resource : resource?.join(' ')],
    ['issuer', issuer],
    ['client', client_id],
    ['scope', scope],
    ['profile', profile],
  ]
  return facts(rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])))
}

/** Whether a login failed because the server no longer knows the client (RFC 6749 §5.2). */
export function isForgottenClient(error: unknown): boolean {
  return error instanceof CatchdError && error.code === 'provider_refused' && error.error === 'invalid_client'
}

/** @returns Whether another client was registered. The login can then begin again. */
export async function registerAnew(context: Context, url: string, profile: string): Promise<boolean> {
  try {
    await context.client.discoverProfile({ url, profile, registerAgain: true })
  } catch (error) {
    // The user registered the client, so the failure of the login is printed, not this one.
    if (error instanceof CatchdError && error.code === 'request_invalid') return false
    throw error
  }
  printNote('The server no longer knows this client, so another one was registered.')
  return true
}
