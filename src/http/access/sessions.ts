/**
 * Who may see the dashboard: one-time links, and the sessions that they open.
 *
 * All of it is in memory, and only hashes are: a restart of the daemon ends every session. A link is good for one
 * visit within a minute. Whoever comes second with it ends the session that it opened, because one of the two was
 * not meant (RFC 6749 §4.1.2 does so with codes). How a request proves that it is a session's own is session-checks.ts.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { Clock } from '../../clock.js'
import { Secret } from '../../secret.js'

/** 256 bits: neither guessed nor found by its hash. */
const SECRET_BYTES = 32
const LINK_LIFE_MS = 60_000
const SESSION_LIFE_MS = 8 * 60 * 60_000
const SESSION_IDLE_MS = 60 * 60_000
/** A person has a browser or two; of more the oldest gives way. */
const MOST_SESSIONS = 16
const MOST_LINKS = 16

interface Link {
  readonly expiresAtMs: number
  /** Whom it let in; a second call ends that session. */
  opened: Session | undefined
}

/** One browser that entered. */
export class Session {
  readonly createdAtMs: number
  readonly #ended = new AbortController()
  readonly #keyHash: Buffer
  #key: Secret | null
  #usedAtMs: number

  constructor(key: Secret, nowMs: number) {
    setMaxListeners(0, this.#ended.signal) // one for each stream of events
    this.createdAtMs = nowMs
    this.#usedAtMs = nowMs
    this.#key = key
    this.#keyHash = hashOf(key.reveal())
  }

  /** Aborts when the session is over: streams end with it. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  get endsAtMs(): number {
    return Math.min(this.createdAtMs + SESSION_LIFE_MS, this.#usedAtMs + SESSION_IDLE_MS)
  }

  /**
   * What the page sends with every call, until it has done so once: a cookie goes to every port of the host, so that
   * it alone must not be enough, and who got hold of it later must not read this.
   */
  get undeliveredKey(): Secret | null {
    return this.#key
  }

  /** Whether this is the key of the page; from the first time on it is not given out again. */
  holds(key: unknown): boolean {
    if (typeof key !== 'string' || !timingSafeEqual(hashOf(key), this.#keyHash)) return false
    this.#key = null
    return true
  }

  /** The hour of idleness begins again. */
  used(nowMs: number): void {
    this.#usedAtMs = nowMs
  }

  end(): void {
    this.#key = null
    this.#ended.abort()
  }
}

export interface MadeLink {
  readonly token: Secret
  readonly expiresAtMs: number
}

export class DashboardSessions {
  readonly #clock: Clock
  /** By hash, oldest first; so are the sessions. */
  readonly #links = new Map<string, Link>()
  readonly #sessions = new Map<string, Session>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  makeLink(): MadeLink {
    const nowMs = this.#clock.now()
    for (const [hash, { expiresAtMs }] of this.#links) if (nowMs >= expiresAtMs) this.#links.delete(hash)
    makeRoom(this.#links, MOST_LINKS)
    const token = newSecret()
    const expiresAtMs = nowMs + LINK_LIFE_MS
    this.#links.set(nameOf(token.reveal()), { expiresAtMs, opened: undefined })
    return { token, expiresAtMs }
  }

  /** @returns The id of a new session, for the cookie; `undefined` when the link is not good, or not any more. */
  enter(token: string): Secret | undefined {
    const link = this.#links.get(nameOf(token))
    const nowMs = this.#clock.now()
    if (link === undefined || nowMs >= link.expiresAtMs) return undefined
    if (link.opened !== undefined) {
      link.opened.end()
      return undefined
    }
    const id = newSecret()
    const session = new Session(newSecret(), nowMs)
    link.opened = session
    makeRoom(this.#sessions, MOST_SESSIONS, (oldest) => oldest.end())
    const name = nameOf(id.reveal())
    this.#sessions.set(name, session)
    session.ended.addEventListener('abort', () => this.#sessions.delete(name))
    this.#endInTime(session)
    return id
  }

  /** A person did something. */
  used(session: Session): void {
    session.used(this.#clock.now())
  }

  /** @param ids - What cookies say; other servers on this host can set some, too. */
  find(ids: readonly string[]): Session | undefined {
    for (const id of ids) {
      const session = this.#sessions.get(nameOf(id))
      if (session === undefined) continue
      // The wall clock decides: a laptop sleeps, and timers with it.
      if (this.#clock.now() < session.endsAtMs) return session
      session.end()
    }
    return undefined
  }

  /** Its streams end with it, whether or not anybody calls again. */
  #endInTime(session: Session): void {
    let cancel = () => {}
    const look = () => {
      const leftMs = session.endsAtMs - this.#clock.now()
      if (leftMs <= 0) session.end()
      else cancel = this.#clock.after(leftMs, look)
    }
    look()
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
