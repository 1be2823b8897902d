/**
 * The API keys for requests over TCP: the admin key, which is the content of `admin.key`, and the keys that users make
 * for their tools.
 *
 * The hash of a received key is compared in constant time with the hash of every known key. A change takes effect only
 * after it is on disk. principal.ts says what a key allows.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../clock.js'
import { ProfileName } from '../../config/profile.js'
import { suggestion } from '../../config/suggestion.js'
import { CatchdError } from '../../failures.js'
import { idOf, keyIdOf, proofOf } from '../../listener/listener-proof.js'
import { Secret } from '../../secret.js'
import { Shares } from '../../shares.js'
import { type ApiKey, readApiKeys, writeApiKeys } from './api-keys-file.js'
import { type KeyUse, KeyUses, type KeyUsesEvent } from './key-uses.js'
import { type KeyAction, owner, type Principal } from './principal.js'
import { createPrivateFile, readPrivateFile } from './private-files.js'

/** 256 bits: too many to guess, or to find from a hash. */
const KEY_BYTES = 32
const KEY_FORM = /^[\w-]{43,512}$/
/** A received key is compared with all of them, so there is a limit. */
const MOST_KEYS = 500
/** As many as connections of a listener. */
const MOST_OPEN_REQUESTS = 4_000

export interface NewApiKey {
  readonly name: string
  readonly profiles: readonly string[]
  readonly actions: readonly KeyAction[]
  /** `null`: never. */
  readonly expiresInSeconds: number | null
}

interface Holder<Key = ApiKey | null> {
  readonly hash: Buffer
  readonly principal: Principal
  readonly apiKey: Key
}

export class ApiKeys {
  /** The requests with a key that are not answered yet. The user's own requests are not counted. */
  readonly openRequests = new Shares(MOST_OPEN_REQUESTS)
  readonly #path: string
  readonly #clock: Clock
  readonly #admin: Holder
  #byName: ReadonlyMap<string, Holder<ApiKey>>
  /** The last Authorization header of each connection, and its key. */
  readonly #seen = new WeakMap<object, { readonly header: string; readonly holder: Holder }>()
  readonly #uses: KeyUses
  /** Changes run one after the other, each on the result of the one before. */
  #changes: Promise<unknown> = Promise.resolve()

  private constructor(path: string, clock: Clock, adminKey: Secret, keys: readonly ApiKey[], uses: KeyUses) {
    this.#path = path
    this.#uses = uses
    this.#clock = clock
    this.#admin = { hash: hashOf(adminKey.reveal()), principal: owner('admin'), apiKey: null }
    this.#byName = new Map(keys.map((key) => [key.name, holderOf(key)]))
  }

  /**
   * Reads the keys of a state folder, and makes the admin key if there is none.
   *
   * @throws CatchdError `config_invalid` if a file of keys is damaged, or if other users can access it.
   */
  static async open(
    stateFolder: string,
    clock: Clock = systemClock,
    log: (event: KeyUsesEvent) => void = () => {},
  ): Promise<ApiKeys> {
    const adminKey = await ensureAdminKey(join(stateFolder, 'admin.key'))
    const path = join(stateFolder, 'clients.json')
    const keys = await readApiKeys(path)
    return new ApiKeys(path, clock, adminKey, keys, await KeyUses.open(stateFolder, clock, log))
  }

  /**
   * @param header - Value of the Authorization header: `Bearer KEY` (RFC 6750 §2.1).
   * @param connection - The connection of the request. A key is hashed only once per connection.
   * @returns The key's principal; `undefined` if the key is unknown or has expired. The caller reports an admitted
   *   request to {@link used}.
   */
  authenticate(header: string | undefined, connection: object = {}): Principal | undefined {
    if (header === undefined) return undefined
    const seen = this.#seenOn(connection, header)
    const found = seen ?? this.#find(header)
    if (found === undefined || this.#hasExpired(found)) return undefined
    if (seen === undefined) this.#seen.set(connection, { header, holder: found })
    return found.principal
  }

  /**
   * The answer to a client that checks that it talks to this daemon (listener-proof.ts).
   *
   * @param authority - The client's Host header, which must have been checked.
   * @returns `undefined` if it is no challenge, or for a key that is unknown or has expired.
   */
  prove(challenge: string, authority: string): string | undefined {
    const id = keyIdOf(challenge)
    const holder = [this.#admin, ...this.#byName.values()].find(({ hash }) => idOf(hash) === id)
    if (holder === undefined || this.#hasExpired(holder)) return undefined
    return proofOf(holder.hash, challenge, authority)
  }

  /** Whether an admitted principal is still admitted. For answers that take long. */
  isStillGood(principal: Principal): boolean {
    if (principal.hasApiKey === undefined) return true
    const holder = this.#byName.get(principal.name)
    return holder?.principal === principal && !this.#hasExpired(holder)
  }

  /** To be called once for each admitted request of the principal. */
  used(principal: Principal): void {
    const holder = this.#byName.get(principal.name)
    if (holder?.principal === principal) this.#uses.used(holder.apiKey)
  }

  list(): ApiKey[] {
    return [...this.#byName.values()].map(({ apiKey }) => apiKey)
  }

  /** @throws CatchdError `client_unknown` */
  get(name: string): ApiKey {
    const found = this.#byName.get(name)
    if (found === undefined) throw unknownApiKey(name, this.#byName.keys())
    return found.apiKey
  }

  useOf(apiKey: ApiKey): KeyUse {
    return this.#uses.of(apiKey)
  }

  /**
   * Makes a key. It can be read only from this result, because only its hash is stored.
   *
   * @throws CatchdError `request_invalid` if the name is in use or there are too many keys, `config_invalid`
   *   if the file cannot be written.
   */
  add(request: NewApiKey): Promise<{ readonly apiKey: ApiKey; readonly key: Secret }> {
    return this.#change(async (byName) => {
      if (byName.has(request.name)) {
        throw new CatchdError('request_invalid', {
          detail: `An API key named ${request.name} already exists. Remove it first.`,
          next: `catchd client remove ${request.name}`,
        })
      }
      if (byName.size >= MOST_KEYS) {
        throw new CatchdError('request_invalid', `There are already ${MOST_KEYS} API keys. Remove one first.`)
      }
      const key = newKey()
      const nowMs = this.#clock.now()
      const { expiresInSeconds, ...given } = request
      const apiKey: ApiKey = {
        ...given,
        hash: hashOf(key),
        createdAtMs: nowMs,
        expiresAtMs: expiresInSeconds === null ? null : nowMs + expiresInSeconds * 1000,
      }
      byName.set(apiKey.name, holderOf(apiKey))
      return { apiKey, key: new Secret(key) }
    })
  }

  /** The key is no longer valid. @throws CatchdError `client_unknown`, `config_invalid` */
  async remove(name: string): Promise<void> {
    await this.#change(async (byName) => {
      if (!byName.delete(name)) throw unknownApiKey(name, byName.keys())
    })
    this.#uses.forget(name)
  }

  /** Writes the use counts of the keys. Never throws. */
  async close(): Promise<void> {
    await this.#uses.close()
  }

  #find(header: string): Holder | undefined {
    const key = /^Bearer +([\w-]+)$/i.exec(header)?.[1]
    if (key === undefined) return undefined
    const hash = hashOf(key)
    let found: Holder | undefined
    // Always compares all keys, so that the time taken says nothing about them.
    for (const holder of [this.#admin, ...this.#byName.values()]) {
      if (timingSafeEqual(holder.hash, hash)) found = holder
    }
    return found
  }

  /** The key of the same header earlier on this connection, unless the key has been removed since. */
  #seenOn(connection: object, header: string): Holder | undefined {
    const seen = this.#seen.get(connection)
    if (seen?.header !== header) return undefined
    const { holder } = seen
    return holder.apiKey === null || this.#byName.get(holder.apiKey.name) === holder ? holder : undefined
  }

  #hasExpired({ apiKey }: Holder): boolean {
    const expiresAtMs = apiKey?.expiresAtMs ?? null
    return expiresAtMs !== null && this.#clock.now() >= expiresAtMs
  }

  /** Edits a copy, writes it to disk, and then uses it. */
  #change<Result>(edit: (byName: Map<string, Holder<ApiKey>>) => Promise<Result>) {
    const changed = this.#changes.then(async () => {
      const byName = new Map(this.#byName)
      const result = await edit(byName)
      const apiKeys = [...byName.values()].map(({ apiKey }) => apiKey)
      await writeApiKeys(this.#path, apiKeys)
      this.#byName = byName
      return result
    })
    this.#changes = changed.catch(() => undefined)
    return changed
  }
}

function holderOf(apiKey: ApiKey) {
  const principal: Principal = {
    name: apiKey.name,
    actions: new Set(apiKey.actions),
    profiles: new Set(apiKey.profiles),
    hasApiKey: true,
  }
  return { hash: apiKey.hash, principal, apiKey }
}

/** A key never begins with a hyphen, because a command line would read it as an option. */
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
  // Another daemon that started at the same time wrote its key first, so that key is used.
  return parseAdminKey((await readPrivateFile(path)) ?? '', path)
}

function parseAdminKey(content: string, path: string): Secret {
  const key = content.trim()
  if (KEY_FORM.test(key)) return new Secret(key)
  throw new CatchdError('config_invalid', {
    detail: `${path} contains no valid admin key (at least 43 of A-Z a-z 0-9 - _). Remove the file, and catchd makes a new one.`,
    next: 'catchd doctor',
  })
}

/** Suggests a similar name. A text that cannot be a name may be a key, so the message does not repeat it. */
function unknownApiKey(name: string, names: Iterable<string>): CatchdError {
  if (!ProfileName.safeParse(name).success) return new CatchdError('client_unknown')
  return new CatchdError('client_unknown', `There is no API key "${name}".${suggestion(name, names)}`)
}
