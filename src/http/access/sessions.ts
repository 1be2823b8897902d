/**
 * The dashboard's one-time links, and the sessions that they open (SECURITY.md#nobody-else-gets-in).
 *
 * Links and sessions are only in memory, as hashes, so a restart of the daemon ends every session. A link works once,
 * within a minute. A second use ends the session that the first use opened, because one of the two is an intruder
 * (RFC 6749 §4.1.2 does the same with codes). session-checks.ts checks whether a request belongs to a session.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { Clock } from '../../clock.js'
import { Secret } from '../../secret.js'

/** 256 bits: too many to guess, or to find from a hash. */
const SECRET_BYTES = 32
const LINK_LIFE_MS = 60_000
const SESSION_LIFE_MS = 8 * 60 * 60_000
const SESSION_IDLE_MS = 60 * 60_000
/** A user has one or two browsers. Beyond this limit, the oldest session ends. */
const MOST_SESSIONS = 16
const MOST_LINKS = 16

interface Link {
  readonly expiresAtMs: number
  /** The session that the link opened. A second use of the link ends it. */
  opened: Session | undefined
}

export class Session {
  readonly #clock: Clock
  readonly #createdAtMs: number
  readonly #ended = new AbortController()
  readonly #keyHash: Buffer
  #key: Secret | null
  #usedAtMs: number

  constructor(key: Secret, clock: Clock) {
    setMaxListeners(0, this.#ended.signal) // one for each stream of events
    this.#clock = clock
    this.#createdAtMs = clock.now()
    this.#usedAtMs = this.#createdAtMs
    this.#key = key
    this.#keyHash = hashOf(key.reveal())
  }

  /** Aborts when the session ends. Open streams end with it. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  get endsAtMs(): number {
    return Math.min(this.#createdAtMs + SESSION_LIFE_MS, this.#usedAtMs + SESSION_IDLE_MS)
  }

  /**
   * The key that the page sends with every call; `null` after its first use. Browsers send a cookie to every port of the
   * host, so the cookie alone must not be enough, and somebody who gets the cookie later must not be able to read the key.
   */
  get undeliveredKey(): Secret | null {
    return this.#key
  }

  /** Whether this is the page's key. After the first success, the key is not given out again. */
  holds(key: unknown): boolean {
    if (typeof key !== 'string' || !timingSafeEqual(hashOf(key), this.#keyHash)) return false
    this.#key = null
    return true
  }

  /** To be called when the user did something. Restarts the idle time. */
  used(): void {
    this.#usedAtMs = this.#clock.now()
  }

  end(): void {
    this.#key = null
    this.#ended.abort()
  }
}

export class DashboardSessions {
  readonly #clock: Clock
  /** By hash, oldest first; so are the sessions. */
  readonly #links = new Map<string, Link>()
  readonly #sessions = new Map<string, Session>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  makeLink(): { readonly token: Secret; readonly expiresAtMs: number } {
    const nowMs = this.#clock.now()
    for (const [hash, { expiresAtMs }] of this.#links) if (nowMs >= expiresAtMs) this.#links.delete(hash)
    makeRoom(this.#links, MOST_LINKS)
    const token = newSecret()
    const expiresAtMs = nowMs + LINK_LIFE_MS
    this.#links.set(nameOf(token.reveal()), { expiresAtMs, opened: undefined })
    return { token, expiresAtMs }
  }

  /** @returns The id of a new session, for the cookie; `undefined` if the link is not valid, or no longer valid. */
  enter(token: string): Secret | undefined {
    const link = this.#links.get(nameOf(token))
    if (link === undefined || this.#clock.now() >= link.expiresAtMs) return undefined
    if (link.opened !== undefined) {
      link.opened.end()
      return undefined
    }
    const id = newSecret()
    const session = new Session(newSecret(), this.#clock)
    link.opened = session
    makeRoom(this.#sessions, MOST_SESSIONS, (oldest) => oldest.end())
    const name = nameOf(id.reveal())
    this.#sessions.set(name, session)
    session.ended.addEventListener('abort', () => this.#sessions.delete(name))
    this.#endInTime(session)
    return id
  }

  /** @param ids - Values of the session cookies. Other servers on this host can set such cookies too. */
  find(ids: readonly string[]): Session | undefined {
    for (const id of ids) {
      const session = this.#sessions.get(nameOf(id))
      if (session === undefined) continue
      // The wall clock decides, because timers stop while a laptop sleeps.
      if (this.#clock.now() < session.endsAtMs) return session
      session.end()
    }
    return undefined
  }

  /** Ends the session at its end time even without another call, so that its streams end too. */
  #endInTime(session: Session): void {
    let cancel = () => {}
    const check = () => {
      const leftMs = session.endsAtMs - this.#clock.now()
      if (leftMs <= 0) session.end()
      else cancel = this.#clock.after(leftMs, check)
    }
    check()
    session.ended.addEventListener('abort', () => cancel())
  }
}

function makeRoom<Value>(
  map: Map<string, Value>,
  most: number,
  drop: (value: Value) => void = () => {},
): void {
  for (const [name, value] of map) {
    if (map.size < most) return
    map.delete(name)
    drop(value)
  }
}

function newSecret(): Secret {
  return new Secret(randomBytes(SECRET_BYTES).toString('base64url'))
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function nameOf(text: string): string {
  return hashOf(text).toString('base64')
}
