/**
 * Profiles as the API shows and edits them: the configuration beside each profile's standing. Secrets never
 * leave: a client secret is shown as where it comes from.
 */
import type { ProfileEntry } from '../config/profile.js'
import type { ConfigurationStore } from '../config/store.js'
import type { ProfileApi, ProfileStatusName, ProfileView } from '../http/api/services.js'
import type { LoginService } from '../login/login-service.js'
import { Secret } from '../secret.js'
import type { TokenKeeper } from '../tokens/token-keeper.js'
import { itemName, type Vault } from '../vault/vault.js'

/** Vault reads under way at once while a list is made. */
const READS_AT_ONCE = 16

/** Stands for a client secret that the file holds as a string. */
const MASK = '[secret]'

export class ProfileService implements ProfileApi {
  readonly #configuration: ConfigurationStore
  readonly #keeper: TokenKeeper
  readonly #logins: LoginService
  readonly #vault: Vault

  constructor(configuration: ConfigurationStore, keeper: TokenKeeper, logins: LoginService, vault: Vault) {
    this.#configuration = configuration
    this.#keeper = keeper
    this.#logins = logins
    this.#vault = vault
  }

  async list(): Promise<ProfileView[]> {
    const names = [...this.#configuration.entries().keys()]
    const views: ProfileView[] = []
    for (let start = 0; start < names.length; start += READS_AT_ONCE) {
      const batch = names.slice(start, start + READS_AT_ONCE)
      views.push(...(await Promise.all(batch.map((name) => this.show(name)))))
    }
    return views
  }

  async show(name: string): Promise<ProfileView> {
    this.#configuration.profile(name)
    const entry = this.#configuration.entries().get(name) ?? {}
    return { name, entry: withoutSecret(entry), ...(await this.#standing(name)) }
  }

  async put(name: string, entry: ProfileEntry): Promise<{ view: ProfileView; created: boolean }> {
    const created = !this.#configuration.entries().has(name)
    await this.#configuration.put(name, await this.#withSecretInVault(name, entry))
    return { view: await this.show(name), created }
  }

  async remove(name: string): Promise<void> {
    this.#configuration.profile(name)
    this.#logins.cancelAll(name)
    await this.#keeper.logout(name)
    await this.#configuration.remove(name)
    await this.#vault.delete(itemName.clientSecret(name))
  }

  /**
   * A secret that came in a request goes to the vault; the file names where it is. What `show` gave can be put
   * back: the mask stands for the secret that is there already.
   */
  async #withSecretInVault(name: string, entry: ProfileEntry): Promise<ProfileEntry> {
    if (typeof entry.client_secret !== 'string') return entry
    if (entry.client_secret === MASK) {
      const { client_secret: before } = this.#configuration.entries().get(name) ?? {}
      const { client_secret: _mask, ...rest } = entry
      return before === undefined ? rest : { ...rest, client_secret: before }
    }
    await this.#vault.set(itemName.clientSecret(name), new Secret(entry.client_secret))
    return { ...entry, client_secret: { keychain: true } }
  }

  async #standing(name: string): Promise<Omit<ProfileView, 'name' | 'entry'>> {
    const { set, needsLogin } = await this.#keeper.find(name)
    return {
      status: this.#status(name, set !== null, needsLogin),
      expiresAtMs: set?.expiresAtMs ?? null,
      scope: set?.scope ?? null,
      subject: set?.subject ?? null,
    }
  }

  #status(name: string, hasSet: boolean, needsLogin: boolean): ProfileStatusName {
    if (!needsLogin) return 'logged_in'
    if (this.#logins.hasPending(name)) return 'login_pending'
    return hasSet ? 'expired' : 'login_required'
  }
}

/** A secret written into the file as a string is not repeated to anybody. */
function withoutSecret(entry: ProfileEntry): ProfileEntry {
  if (typeof entry.client_secret !== 'string') return entry
  return { ...entry, client_secret: MASK }
}
