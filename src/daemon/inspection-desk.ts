/** A profile's tokens as they are, and what their server says about them: for `catchd inspect`. */
import type { TokenInspector } from '../authorization-server/port.js'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { InspectionService } from '../http/api/services.js'
import type { TokenKeeper } from '../tokens/token-keeper.js'

export class InspectionDesk implements InspectionService {
  readonly #profiles: { profile(name: string): Profile }
  readonly #keeper: Pick<TokenKeeper, 'find'>
  readonly #servers: TokenInspector

  constructor(
    profiles: { profile(name: string): Profile },
    keeper: Pick<TokenKeeper, 'find'>,
    servers: TokenInspector,
  ) {
    this.#profiles = profiles
    this.#keeper = keeper
    this.#servers = servers
  }

  async inspect(name: string) {
    const profile = this.#profiles.profile(name)
    const { set } = await this.#keeper.find(name)
    if (set === null) {
      throw new CatchdError('login_required', {
        profile: name,
        detail: 'There are no tokens to look into: nobody has logged in to the profile.',
      })
    }
    return { set, inspection: await this.#servers.inspect(profile, set) }
  }
}
