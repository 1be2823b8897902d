/**
 * The caller of the API, and what it may do. Pure.
 *
 * `token` allows getting tokens of the key's profiles. `login` also allows refreshing them and logging in. `admin` allows
 * everything, with every profile.
 */
import * as z from 'zod'
import type { Holder } from '../../shares.js'
import type { Session } from './sessions.js'

export const KeyAction = z.enum(['token', 'login', 'admin']).meta({ id: 'KeyAction' })
export type KeyAction = z.infer<typeof KeyAction>

export interface Principal {
  /** A name for the log: the API key's name, or `socket`, `admin` or `dashboard`. */
  readonly name: string
  readonly actions: ReadonlySet<KeyAction>
  readonly profiles: ReadonlySet<string> | 'all'
  /** The caller used an API key other than the admin key. It can be removed or expire while an answer is being sent. */
  readonly hasApiKey?: true
  /** The caller is a browser with a session of the dashboard, which may do less than a key (session-limits.ts). */
  readonly session?: Session
}

/** The user who runs catchd: only they can open the socket or read the admin key. */
export function owner(name: string): Principal {
  return { name, actions: new Set<KeyAction>(['admin']), profiles: 'all' }
}

/** Whether an action is allowed for any profile. */
export function mayDo({ actions }: Principal, action: KeyAction): boolean {
  if (actions.has('admin') || actions.has(action)) return true
  return action === 'token' && actions.has('login')
}

/** Who the call counts for, in a limit that all callers share (shares.ts). */
export function holderOf({ name, actions, hasApiKey }: Principal): Holder {
  return hasApiKey === undefined || actions.has('admin') ? null : name
}

export function maySee({ actions, profiles }: Principal, profile: string): boolean {
  return actions.has('admin') || profiles === 'all' || profiles.has(profile)
}

/** Whether the caller may get a token of the profile. A session of the dashboard never gets one. */
export function mayGetToken(principal: Principal, profile: string): boolean {
  return principal.session === undefined && mayDo(principal, 'token') && maySee(principal, profile)
}

/** The profiles that answers are limited to; `undefined` for all of them. */
export function limitOf({ actions, profiles }: Principal): ReadonlySet<string> | undefined {
  return actions.has('admin') || profiles === 'all' ? undefined : profiles
}
