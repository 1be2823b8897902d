/**
 * Who asks, and what they may do. Pure.
 *
 * `token` gets tokens of its profiles; `login` also refreshes them and logs in; `admin` does everything, with
 * every profile.
 */
import * as z from 'zod'
import type { Session } from './sessions.js'

export const KeyAction = z.enum(['token', 'login', 'admin']).meta({ id: 'KeyAction' })
export type KeyAction = z.infer<typeof KeyAction>

export interface Principal {
  /** For the log: the name of a client, or which listener or key stands for everything. */
  readonly name: string
  readonly actions: ReadonlySet<KeyAction>
  readonly profiles: ReadonlySet<string> | 'all'
  /** Came with the key of a client, which may be removed or expire while an answer is under way. */
  readonly isClient?: true
  /** A browser that entered the dashboard, which may do less than a key (dashboard/session-limits.ts). */
  readonly session?: Session
}

/** The user of this machine, by the socket that nobody else can open or by the key that nobody else can read. */
export function owner(name: string): Principal {
  return { name, actions: new Set<KeyAction>(['admin']), profiles: 'all' }
}

/** Whether an action is allowed at all, whatever the profile. */
export function mayDo({ actions }: Principal, action: KeyAction): boolean {
  if (actions.has('admin') || actions.has(action)) return true
  return action === 'token' && actions.has('login')
}

/** Whether a profile is among those of the key. */
export function maySee({ actions, profiles }: Principal, profile: string): boolean {
  return actions.has('admin') || profiles === 'all' || profiles.has(profile)
}

/** Whether a token of the profile may be had; a session of the dashboard gets none. */
export function mayGetToken(principal: Principal, profile: string): boolean {
  return principal.session === undefined && mayDo(principal, 'token') && maySee(principal, profile)
}

/** The profiles that answers are limited to; `undefined` for all of them. */
export function limitOf({ actions, profiles }: Principal): ReadonlySet<string> | undefined {
  return actions.has('admin') || profiles === 'all' ? undefined : profiles
}
