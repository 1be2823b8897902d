/**
 * The keys that open the API over TCP: the admin key, which is the content of `admin.key`, and those of clients.
 *
 * A presented key is hashed and the hash compared in constant time with every known one. A change is on disk
 * before it holds. What a key allows is principal.ts.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../clock.js'
import { ProfileName } from '../../config/profile.js'
import { suggestion } from '../../config/suggestion.js'
import { CatchdError } from '../../failures.js'
import { Secret } from '../../secret.js'
import { type ApiKey, readApiKeys, writeApiKeys } from './api-keys-file.js'
import { type KeyUse, KeyUses, type KeyUsesEvent } from './key-uses.js'
import { type KeyAction, owner, type Principal } from './principal.js'
import { createPrivateFile, readPrivateFile } from './private-files.js'

/** 256 bits: neither guessed nor found by its hash. */
const KEY_BYTES = 32
const KEY_FORM = /^[\w-]{43,512}$/
/** Every presented key is compared with all of them. */
const MOST_CLIENTS = 500

export interface NewClientKey {
  readonly name: string
  readonly profiles: readonly string[]
  readonly actions: readonly KeyAction[]
  /** `null`: never. */
  readonly expiresInSeconds: number | null
}

interface Holder {
  readonly hash: Buffer
  readonly principal: Principal
  readonly client: ApiKey | null
}

export class ApiKeys {
  readonly #path: string
  readonly #clock: Clock
  readonly #admin: Holder
  #clients: ReadonlyMap<string, Holder & { readonly client: ApiKey }>
  /** What a connection presented last, and whose it was. */
  readonly #seen = new WeakMap<object, { readonly header: string; readonly holder: Holder }>()
  readonly #uses: KeyUses
  /** One change after the other, each on what the one before left. */
  #changes: Promise<unknown> = Promise.resolve()

  private constructor(
    path: string,
    clock: Clock,
    adminKey: Secret,
    clients: readonly ApiKey[],
    uses: KeyUses,
  ) {
    this.#path = path
    this.#uses = uses
    this.#clock = clock
    this.#admin = { hash: hashOf(adminKey.reveal()), principal: owner('admin'), client: null }
    this.#clients = new Map(clients.map((client) => [client.name, holderOf(client)]))
  }

  /**
   * Reads the keys of a state folder, and makes the admin key where there is none.
   *
   * @throws CatchdError `config_invalid` when a file of keys is damaged or not this user's alone.
   */
  static async open(
    stateFolder: string,
    clock: Clock = systemClock,
    log: (event: KeyUsesEvent) => void = () => {},
  ): Promise<ApiKeys> {
    const adminKey = await ensureAdminKey(join(stateFolder, 'admin.key'))
    const path = join(stateFolder, 'clients.json')
    const clients = await readApiKeys(path)
    return new ApiKeys(path, clock, adminKey, clients, await KeyUses.open(stateFolder, clock, log))
  }

  /**
   * @param header - Value of the Authorization header: `Bearer KEY` (RFC 6750 §2.1).
   * @param connection - What the header came in through: a key is hashed once for all requests of a connection.
   * @returns Whose key it is; `undefined` when it is nobody's or has expired. Who is let in with it counts as a use
   *   ({@link used}).
   */
  authenticate(header: string | undefined, connection: object = {}): Principal | undefined {
    if (header === undefined) return undefined
    const seen = this.#seenOn(connection, header)
    const found = seen ?? this.#find(header)
    if (found === undefined || this.#hasExpired(found)) return undefined
    if (seen === undefined) this.#seen.set(connection, { header, holder: found })
    return found.principal
  }

  /** Whether who was let in some time ago still would be: for answers that take long. */
  isStillGood(principal: Principal): boolean {
    if (principal.isClient === undefined) return true
    const holder = this.#clients.get(principal.name)
    return holder?.principal === principal && !this.#hasExpired(holder)
  }

  /** A request of the principal was let in: once for each request, whichever way it goes. */
  used(principal: Principal): void {
    const holder = this.#clients.get(principal.name)
    if (holder?.principal === principal) this.#uses.used(holder.client.name, holder.client.createdAtMs)
  }

  clients(): ApiKey[] {
    return [...this.#clients.values()].map(({ client }) => client)
  }

  find(name: string): ApiKey | undefined {
    return this.#clients.get(name)?.client
  }

  useOf({ name, createdAtMs }: ApiKey): KeyUse {
    return this.#uses.of(name, createdAtMs)
  }

  /**
   * Makes a key; this is the only time it can be seen.
   *
   * @throws CatchdError `request_invalid` when the name is taken or there are too many keys, `config_invalid`
   *   when they cannot be written.
   */
  add(request: NewClientKey): Promise<{ readonly client: ApiKey; readonly key: Secret }> {
    return this.#change(async (clients) => {
      if (clients.has(request.name)) {
        throw new CatchdError('request_invalid', {
          detail: `There is a key named ${request.name} already. Remove it first.`,
          next: `catchd client remove ${request.name}`,
        })
      }
      if (clients.size >= MOST_CLIENTS) {
        throw new CatchdError('request_invalid', `There are ${MOST_CLIENTS} keys already. Remove one first.`)
      }
      const key = newKey()
      const nowMs = this.#clock.now()
      const client: ApiKey = {
        name: request.name,
        hash: hashOf(key),
        profiles: request.profiles,
        actions: request.actions,
        createdAtMs: nowMs,
        expiresAtMs: request.expiresInSeconds === null ? null : nowMs + request.expiresInSeconds * 1000,
      }
      clients.set(request.name, holderOf(client))
      return { client, key: new Secret(key) }
    })
  }

  /** The key stops opening anything. @throws CatchdError `client_unknown`, `config_invalid` */
  async remove(name: string): Promise<void> {
    await this.#change(async (clients) => {
      if (!clients.delete(name)) throw unknownClient(name, clients.keys())
    })
    this.#uses.forget(name)
  }

  /** Writes down what is known of the use of keys. Never throws. */
  async close(): Promise<void> {
    await this.#uses.close()
  }

  #find(header: string): Holder | undefined {
    const key = /^Bearer +([\w-]+)$/i.exec(header)?.[1]
    if (key === undefined) return undefined
    const hash = hashOf(key)
    let found: Holder | undefined
    // To the end, whoever is found: the time taken says nothing about the keys.
    for (const holder of [this.#admin, ...this.#clients.values()]) {
      if (timingSafeEqual(holder.hash, hash)) found = holder
    }
    return found
  }

  /** Whose it was when it came before, unless that key was removed since. */
  #seenOn(connection: object, header: string): Holder | undefined {
    const seen = this.#seen.get(connection)
    if (seen?.header !== header) return undefined
    const { holder } = seen
    return holder.client === null || this.#clients.get(holder.client.name) === holder ? holder : undefined
  }

  #hasExpired({ client }: Holder): boolean {
    const expiresAtMs = client?.expiresAtMs ?? null
    return expiresAtMs !== null && this.#clock.now() >= expiresAtMs
  }

  /** Edits a copy, writes it, and only then lets it hold. */
  #change<Result>(edit: (clients: Map<string, Holder & { client: ApiKey }>) => Promise<Result>) {
    const changed = this.#changes.then(async () => {
      const clients = new Map(this.#clients)
      const result = await edit(clients)
      await writeApiKeys(
        this.#path,
        [...clients.values()].map(({ client }) => client),
      )
      this.#clients = clients
      return result
    })
    this.#changes = changed.catch(() => undefined)
    return changed
  }
}

function holderOf(client: ApiKey) {
  const principal: Principal = {
    name: client.name,
    actions: new Set(client.actions),
    profiles: new Set(client.profiles),
    isClient: true,
  }
  return { hash: client.hash, principal, client }
}

/** None begins with a hyphen: on a command line it would be taken for an option. */
function newKey(): string {
  for (;;) {
    const key = randomBytes(KEY_BYTES).toString('base64url')
    if (!key.startsWith('-')) return key
  }
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

async function ensureAdminKey(path: string): Promise<Secret> {
  const found = await readPrivateFile(path)
  if (found !== undefined) return parseAdminKey(found, path)
  const key = newKey()
  if (await createPrivateFile(path, key)) return new Secret(key)
  // Another start of the daemon was first: its key is the key.
  return parseAdminKey((await readPrivateFile(path)) ?? '', path)
}

function parseAdminKey(content: string, path: string): Secret {
  const key = content.trim()
  if (KEY_FORM.test(key)) return new Secret(key)
  throw new CatchdError('config_invalid', {
    detail: `${path} holds no admin key (at least 43 of A-Z a-z 0-9 - _). Remove it and a new one is made.`,
    next: 'catchd doctor',
  })
}

/** A near name is suggested. What cannot be a name may be a key in the wrong place, and is not repeated. */
export function unknownClient(name: string, names: Iterable<string>): CatchdError {
  if (!ProfileName.safeParse(name).success) return new CatchdError('client_unknown')
  return new CatchdError('client_unknown', `There is no API key "${name}".${suggestion(name, names)}`)
}
