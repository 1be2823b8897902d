/** `catchd login https://…`: the profile for a URL, found or made by the daemon, and what it leads to. */
import { resolve } from 'node:path'
import type { ProfileAnswer } from '../client/api-types.js'
import { CatchdError } from '../failures.js'
import type { Context } from './context.js'
import { facts, printNote } from './output.js'

/** Options of `catchd login` that mean something for a URL only. */
export interface UrlOptions {
  readonly name?: string
  readonly clientId?: string
  readonly scope?: string
  readonly caFile?: string
  readonly register?: true
}

export function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text)
}

/** @throws CatchdError `request_invalid` when one of them is given with the name of a profile */
export function refuseUrlOptions(name: string, options: UrlOptions): void {
  const given = (
    [
      ['--name', options.name],
      ['--client-id', options.clientId],
      ['--scope', options.scope],
      ['--ca-file', options.caFile],
      ['--register', options.register],
    ] as const
  ).find(([, value]) => value !== undefined)
  if (given === undefined) return
  throw new CatchdError('request_invalid', {
    detail: `${given[0]} is for a URL: "${name}" is a profile, which says so itself.`,
    next: `catchd profile edit ${name}`,
  })
}

/** @returns The name of the profile; what it leads to stands on stderr before any browser opens. */
export async function profileOfUrl(context: Context, url: string, options: UrlOptions): Promise<string> {
  const answer = await context.client.discoverProfile({
    url,
    profile: options.name,
    clientId: options.clientId,
    scope: options.scope,
    caFile: options.caFile === undefined ? undefined : resolve(options.caFile),
    registerAgain: options.register,
  })
  printNote(whereItLeads(answer))
  return answer.profile
}

function whereItLeads({ profile, configuration }: ProfileAnswer): string {
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

/** Whether a login failed because the server does not know the client any more (RFC 6749 §5.2). */
export function isForgottenClient(error: unknown): boolean {
  return error instanceof CatchdError && error.code === 'provider_refused' && error.error === 'invalid_client'
}

/** @returns Whether another client was registered, so that the login can begin again. */
export async function registerAnew(context: Context, url: string, profile: string): Promise<boolean> {
  try {
    await context.client.discoverProfile({ url, profile, registerAgain: true })
  } catch (error) {
    // The client was registered by hand: the refusal of the login is what the person should read.
    if (error instanceof CatchdError && error.code === 'request_invalid') return false
    throw error
  }
  printNote('The server no longer knew this client: another one was registered.')
  return true
}
