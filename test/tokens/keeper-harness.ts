/** A keeper between a vault, a journal, a clock and a server that a test holds in its hands. */
import type { Profile } from '../../src/config/profile.js'
import { CatchdError } from '../../src/failures.js'
import { LockGate } from '../../src/lock/gate.js'
import { TokenKeeper } from '../../src/tokens/token-keeper.js'
import { type TokenSet, tokenSetFrom } from '../../src/tokens/token-set.js'
import { itemName } from '../../src/vault/vault.js'
import {
  FakeAuthorizationServers,
  testProfile,
  tokenResponse,
} from '../support/fake-authorization-servers.js'
import { FakeVault } from '../support/fake-vault.js'
import { ManualClock } from '../support/manual-clock.js'

/** A journal in memory; what is open when the keeper is restarted was interrupted. */
export class FakeSteps {
  interrupted: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map()
  readonly open = new Map<string, Readonly<Record<string, string>>>()
  trouble: Error | null = null

  async begun(step: string, facts: Readonly<Record<string, string>>): Promise<void> {
    if (this.trouble !== null) throw this.trouble
    this.open.set(step, facts)
  }

  ended(step: string): void {
    this.open.delete(step)
  }

  restart(): void {
    this.interrupted = new Map(this.open)
  }
}

export const ITEM = itemName.tokenSet('gw')

export function start(profile: Profile = testProfile()) {
  const clock = new ManualClock()
  const lock = new LockGate()
  const vault = new FakeVault()
  const steps = new FakeSteps()
  const servers = new FakeAuthorizationServers()
  const profiles = new Map([[profile.name, profile]])
  const events: string[] = []
  const make = () => {
    steps.restart()
    return new TokenKeeper({
      clock,
      vault,
      steps,
      servers,
      profiles: {
        profile(name) {
          const found = profiles.get(name)
          if (found === undefined) throw new CatchdError('profile_unknown')
          return found
        },
      },
      lock,
      random: () => 0.5,
      log: (event) => events.push(event.event),
    })
  }
  const issued = (changes = {}): TokenSet =>
    tokenSetFrom(tokenResponse(changes), servers.origin(profile), profile.scope ?? null, clock.now())
  return { lock, clock, vault, steps, servers, profiles, events, keeper: make(), restart: make, issued }
}

/** A gate that a test opens. */
export function gate() {
  let open = () => {}
  const closed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { closed, open: () => open() }
}

export const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error instanceof CatchdError ? error.code : String(error)),
  )
