/**
 * Why the sealed file is used instead of a keychain, as it is now: `auto` remembers its choice, but a keychain may come later.
 * `status`, `login`, `init` and `doctor` tell it, so that nobody believes that tokens are in the keychain.
 *
 * No dialog opens and no item is read. Nothing is told about a vault that the user chose.
 */
import { setTimeout } from 'node:timers/promises'
import { type KeychainAbsence, KeychainFailure, keychainReason } from './keychain-engine.js'
import { hasSessionBus, KEEP_SEALED_FILE, type KeychainHost, keychainFix } from './keychain-fix.js'
import { keytarTrouble } from './keytar-engine.js'
import { askSecretService } from './secret-service.js'
import { glimpseFallback } from './vault-choice.js'

export interface Fallback {
  /** One or two sentences. */
  readonly reason: string
  /** The command that changes it. */
  readonly next: string
}

/** libsecret could look for one in other places, too, but starts none without a display. */
export const NO_BUS = new KeychainFailure('no_keychain', 'no D-Bus session bus')
const SEALED = 'Tokens are stored in the sealed file.'
const DESKTOP = 'Run catchd in a desktop session to use its keychain, or keep the sealed file.'

/** @returns `undefined` if `auto` did not choose the sealed file. Never throws. */
export async function examineFallback(
  stateFolder: string,
  host: KeychainHost,
): Promise<Fallback | undefined> {
  const because = await glimpseFallback(stateFolder)
  if (because === undefined) return undefined
  const failure = await absenceNow(host, because)
  const next = failure === undefined ? undefined : keychainFix(failure.trouble, host)
  if (failure === undefined || next === undefined) {
    return { reason: `A keychain is available now. ${SEALED}`, next: 'catchd vault migrate --to keychain' }
  }
  const reason = `${keychainReason(failure, host.platform)} ${SEALED}`
  return { reason: next === KEEP_SEALED_FILE ? `${reason} ${DESKTOP}` : reason, next }
}

async function absenceNow(
  host: KeychainHost,
  because: KeychainAbsence,
): Promise<KeychainFailure | undefined> {
  const { platform, env, hasProgram } = host
  if (platform === 'linux') {
    if (!hasSessionBus(env)) return NO_BUS
    const { state, ...service } = await askSecretService(env)
    if ('trouble' in service && service.trouble === 'no_keychain') {
      return new KeychainFailure('no_keychain', service.text)
    }
    if (state === 'unknown' && because === 'no_keychain') return new KeychainFailure('no_keychain')
    if (hasProgram('secret-tool')) return undefined
  }
  const trouble = await keytarTrouble()
  return trouble === undefined ? undefined : new KeychainFailure('no_engine', trouble)
}

/** Asked again this often at most. */
const FRESH_MS = 10_000
const SOON_MS = 300

/** The same for callers that must not wait: after the first time, the last answer if the next one is late. */
export class KnownFallback {
  readonly #ask: () => Promise<Fallback | undefined>
  #known: Fallback | undefined
  #askedAtMs = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined

  constructor(ask: () => Promise<Fallback | undefined>) {
    this.#ask = ask
  }

  /** @param nowMs - Of a clock that only goes forward. */
  async tell(nowMs: number): Promise<Fallback | undefined> {
    const isFirst = this.#askedAtMs === Number.NEGATIVE_INFINITY
    if (this.#asking === undefined && nowMs - this.#askedAtMs >= FRESH_MS) {
      this.#askedAtMs = nowMs
      this.#asking = this.#ask()
        .then((fallback) => {
          this.#known = fallback
        })
        .finally(() => {
          this.#asking = undefined
        })
    }
    await (isFirst
      ? this.#asking
      : Promise.race([this.#asking, setTimeout(SOON_MS, undefined, { ref: false })]))
    return this.#known
  }
}
