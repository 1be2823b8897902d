/** The lock of catchd, and what locks it without a command. */
import { AutomaticLock } from '../lock/automatic-lock.js'
import { LockFileStore } from '../lock/lock-record.js'
import { LockService } from '../lock/lock-service.js'
import { watchScreen } from '../lock/screen-watch.js'
import { askSecretService, lockSecretService } from '../vault/secret-service.js'
import type { DaemonParts } from './parts.js'

/** Events after which catchd is not idle. */
const USES = new Set(['login.begun', 'login.succeeded', 'token.refreshed', 'daemon.unlocked'])

export type ComposedLock = ReturnType<typeof composeLock>

export function composeLock(
  parts: Pick<DaemonParts, 'clock' | 'folders' | 'gate' | 'log' | 'events' | 'storage' | 'tokens' | 'logins'>,
) {
  const { clock, folders, gate, log, events, storage, tokens, logins } = parts
  const isLinux = process.platform === 'linux'
  const lock = new LockService({
    clock,
    gate,
    file: new LockFileStore(folders.stateFolder),
    vault: storage.vault,
    keychain: isLinux ? SECRET_SERVICE : null,
    memory: {
      flush: () => tokens.keeper.flush(),
      drop() {
        tokens.keeper.dropMemory()
        tokens.servers.dropKeys()
      },
    },
    onUnlocked() {
      void logins.logins.restore()
      tokens.keeper.watchLifetimes(storage.configuration.profiles().values())
    },
    log: (event) => events.tell(event),
  })
  const automatic = new AutomaticLock({
    clock,
    gate,
    lock,
    settings: () => storage.configuration.lockSettings(),
    watchScreen: isLinux ? (onLocked) => watchScreen(process.env, clock, onLocked) : null,
    log: (event) => log.warn(event),
  })
  events.subscribe(({ event }) => {
    if (USES.has(event)) automatic.used()
    if (event === 'daemon.unlocked') automatic.reconsider()
  })
  return {
    lock,
    automatic,

    close() {
      automatic.close()
      lock.close()
    },
  }
}

const SECRET_SERVICE = {
  async lock() {
    const state = await lockSecretService()
    return state.state === 'trouble' && state.trouble === 'locked'
  },
  isUnlocked: async () => (await askSecretService()).state === 'unlocked',
}
