/**
 * Learns from D-Bus that the screen was locked: from the screen saver of the session (`ActiveChanged`, as GNOME, KDE,
 * Cinnamon, MATE and Xfce send it), and from logind (`Lock`, as `loginctl lock-session` sends it). It only listens. If
 * another program sends such a signal, catchd is locked once more than necessary.
 */
import type { Clock } from '../clock.js'
import { BusConnection, sessionBusPath, systemBusPath } from '../dbus/bus-connection.js'
import type { BusMessage } from '../dbus/messages.js'

export interface ScreenWatch {
  /** Why the lock of the screen would not be noticed; `undefined`: it would. */
  readonly trouble: string | undefined
  close(): void
}

const AGAIN_MS = 30_000

const RULES = {
  session: "type='signal',member='ActiveChanged'",
  system:
    "type='signal',sender='org.freedesktop.login1',interface='org.freedesktop.login1.Session',member='Lock'",
} as const

/** @param env - Where the buses are named. */
export function watchScreen(env: NodeJS.ProcessEnv, clock: Clock, onLocked: () => void): ScreenWatch {
  const session = new BusWatch(sessionBusPath(env), RULES.session, clock, (signal) => {
    if (signal.interface?.endsWith('.ScreenSaver') && isTrue(signal.body)) onLocked()
  })
  const system = new BusWatch(systemBusPath(env), RULES.system, clock, ({ member }) => {
    if (member === 'Lock') onLocked()
  })
  return {
    get trouble() {
      if (session.isConnected || system.isConnected) return undefined
      return 'lock.screen is set, but neither the bus of the session nor the bus of the system can be reached.'
    },
    close() {
      session.close()
      system.close()
    },
  }
}

/** The signals of one bus that fit a rule. A lost connection is made again. */
class BusWatch {
  readonly #path: string | undefined
  readonly #rule: string
  readonly #clock: Clock
  readonly #onSignal: (signal: BusMessage) => void
  #bus: BusConnection | undefined
  #cancelRetry: () => void = () => {}
  #isClosed = false
  isConnected = false

  constructor(path: string | undefined, rule: string, clock: Clock, onSignal: (signal: BusMessage) => void) {
    this.#path = path
    this.#rule = rule
    this.#clock = clock
    this.#onSignal = onSignal
    this.#connect()
  }

  close(): void {
    this.#isClosed = true
    this.#cancelRetry()
    this.#bus?.close()
  }

  #connect(): void {
    if (this.#path === undefined) return
    const bus = new BusConnection(this.#path, this.#onSignal)
    this.#bus = bus
    const watch = {
      destination: 'org.freedesktop.DBus',
      path: '/org/freedesktop/DBus',
      interface: 'org.freedesktop.DBus',
      member: 'AddMatch',
      strings: [this.#rule],
    }
    bus.call(watch).then(
      () => {
        this.isConnected = true
      },
      () => {}, // it has ended
    )
    void bus.ended.then(() => {
      this.isConnected = false
      if (!this.#isClosed) this.#cancelRetry = this.#clock.after(AGAIN_MS, () => this.#connect())
    })
  }
}

function isTrue(body: Buffer): boolean {
  return body.length >= 4 && body.readUInt32LE(0) === 1
}
