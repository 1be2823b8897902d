/** DPoP proofs as the API asks for them (RFC 9449): the profile's token, and a proof that only its key can make. */
import type { DpopKeyItems } from '../authorization-server/dpop.js'
import type { DpopProofs, ToolRequest } from '../authorization-server/port.js'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { ProofService, TokenService } from '../http/api/services.js'
import { itemName, type Vault } from '../vault/vault.js'

export class ProofDesk implements ProofService {
  readonly #profiles: { profile(name: string): Profile }
  readonly #tokens: TokenService
  readonly #proofs: Pick<DpopProofs, 'prove'>

  constructor(
    profiles: { profile(name: string): Profile },
    tokens: TokenService,
    proofs: Pick<DpopProofs, 'prove'>,
  ) {
    this.#profiles = profiles
    this.#tokens = tokens
    this.#proofs = proofs
  }

  async prove(name: string, request: ToolRequest) {
    const profile = this.#profiles.profile(name)
    if (!profile.dpop) {
      throw new CatchdError('request_invalid', {
        profile: name,
        detail: 'The profile has no `dpop`: its tokens go without a proof.',
        next: `catchd token ${name}`,
      })
    }
    const set = this.#tokens.peek(name, undefined) ?? (await this.#tokens.get(name, undefined))
    if (set.tokenType !== 'DPoP') {
      throw new CatchdError('login_required', {
        profile: name,
        detail: 'The token is from before `dpop` was set: it is bound to no key.',
      })
    }
    return { set, proof: await this.#proofs.prove(profile, set.accessToken, request) }
  }
}

/** The keys rest in the vault, beside the tokens that are bound to them. */
export function dpopKeyItems(vault: Vault): DpopKeyItems {
  return {
    get: (profile) => vault.get(itemName.dpopKey(profile)),
    set: (profile, key) => vault.set(itemName.dpopKey(profile), key),
    delete: async (profile) => void (await vault.delete(itemName.dpopKey(profile))),
  }
}
