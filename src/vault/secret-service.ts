/**
 * Asks the Secret Service on D-Bus whether its default collection is locked, and locks it. This opens no dialog and blocks
 * no thread. keytar and secret-tool cannot do this: each of their calls to a locked keyring opens the desktop's password
 * dialog.
 *
 * The state is `unknown` when there is no clear answer. Then the engine's first call shows it.
 */
import { BusConnection, BusFailure, errorText, sessionBusPath } from '../dbus/bus-connection.js'
import { type BusMessage, firstString, METHOD_RETURN, objectPathsInVariant } from '../dbus/messages.js'
import { ANSWER_WITHIN_MS, type KeychainTrouble } from './keychain-engine.js'

export type LockState =
  | { readonly state: 'unlocked' | 'unknown' }
  | { readonly state: 'trouble'; readonly trouble: KeychainTrouble; readonly text: string }

/** libsecret's SECRET_COLLECTION_DEFAULT. */
const DEFAULT_COLLECTION = '/org/freedesktop/secrets/aliases/default'
/** In the memory of gnome-keyring, until the session ends. */
const SESSION_COLLECTION = '/org/freedesktop/secrets/collection/session'
/** A server got the program with something else, or KeePassXC shows no group: nothing can be stored or unlocked. */
const NEVER_SET_UP = 'the Secret Service has no collection, so it was never set up'
const SERVICE = { destination: 'org.freedesktop.secrets', path: '/org/freedesktop/secrets' }

/** @param env - Where the session bus is named. @param limitMs - Until `silent`. */
export function askSecretService(
  env: NodeJS.ProcessEnv = process.env,
  limitMs = ANSWER_WITHIN_MS,
): Promise<LockState> {
  return onSessionBus(env, limitMs, askLocked)
}

/**
 * Locks the default collection, for every program of the session. Another program may lock more collections.
 *
 * @returns The state afterwards: trouble `locked` if it worked.
 */
export function lockSecretService(
  env: NodeJS.ProcessEnv = process.env,
  limitMs = ANSWER_WITHIN_MS,
): Promise<LockState> {
  return onSessionBus(env, limitMs, async (bus) => {
    const service = { ...SERVICE, interface: 'org.freedesktop.Secret.Service' }
    const alias = await bus.call({ ...service, member: 'ReadAlias', strings: ['default'] })
    const collection = errorText(alias) === undefined ? firstString(alias.body) : '/'
    if (collection !== '/') await bus.call({ ...service, member: 'Lock', objectPaths: [collection] })
    return askLocked(bus)
  })
}

async function askLocked(bus: BusConnection): Promise<LockState> {
  const locked = await property(bus, DEFAULT_COLLECTION, 'Collection', 'Locked')
  const known = meaning(locked)
  if (known !== undefined) return known
  const collections = await property(bus, SERVICE.path, 'Service', 'Collections')
  if (collections.type !== METHOD_RETURN) return { state: 'unknown' }
  const lasting = objectPathsInVariant(collections.body).filter((path) => path !== SESSION_COLLECTION)
  // With a collection that is not the default one, the first call of the engine shows what happens.
  return lasting.length > 0
    ? { state: 'unknown' }
    : { state: 'trouble', trouble: 'no_keychain', text: NEVER_SET_UP }
}

function property(bus: BusConnection, path: string, of: string, name: string): Promise<BusMessage> {
  return bus.call({
    ...SERVICE,
    path,
    interface: 'org.freedesktop.DBus.Properties',
    member: 'Get',
    strings: [`org.freedesktop.Secret.${of}`, name],
  })
}

async function onSessionBus(
  env: NodeJS.ProcessEnv,
  limitMs: number,
  ask: (bus: BusConnection) => Promise<LockState>,
): Promise<LockState> {
  const path = sessionBusPath(env)
  if (path === undefined) return { state: 'unknown' }
  const bus = new BusConnection(path)
  let deadline: NodeJS.Timeout | undefined
  const silent = new Promise<LockState>((resolve) => {
    const end = () => resolve({ state: 'trouble', trouble: 'silent', text: '' })
    // One more turn of the loop: when this process was busy, the answer may be waiting to be read.
    deadline = setTimeout(() => setImmediate(end), limitMs)
  })
  try {
    return await Promise.race([silent, ask(bus).catch((error: unknown) => unanswered(error, env))])
  } finally {
    clearTimeout(deadline)
    bus.close()
  }
}

function unanswered(error: unknown, env: NodeJS.ProcessEnv): LockState {
  // If no bus is named, libsecret also searches other places.
  const isNamed = Boolean(env['DBUS_SESSION_BUS_ADDRESS'])
  if (!(error instanceof BusFailure) || error.trouble !== 'unreachable' || !isNamed)
    return { state: 'unknown' }
  const text = `Could not connect to the session bus: ${error.message}`
  return { state: 'trouble', trouble: 'no_keychain', text }
}

/** @returns `undefined` if there is no default collection, or the service is an unusual one. */
function meaning(answer: BusMessage): LockState | undefined {
  const { type, body } = answer
  // A variant with a boolean: signature `b` in 3 bytes, padded to 4, then 32 bits.
  if (type === METHOD_RETURN && body.length >= 8) {
    if (body.readUInt32LE(4) === 0) return { state: 'unlocked' }
    return { state: 'trouble', trouble: 'locked', text: '' }
  }
  const text = errorText(answer) ?? ''
  if (/org\.freedesktop\.secrets was not provided|has no owner/.test(text)) {
    return { state: 'trouble', trouble: 'no_keychain', text }
  }
  return undefined
}
