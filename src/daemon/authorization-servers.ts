/** The authorization servers, with what a request to them takes from the vault: client secrets and DPoP keys. */
import { OAuthAuthorizationServers } from '../authorization-server/authorization-servers.js'
import type {
  AuthorizationServers,
  DpopProofs,
  ServerDiscovery,
  TokenInspector,
} from '../authorization-server/port.js'
import type { Clock } from '../clock.js'
import { createClientSecrets } from '../config/client-secret.js'
import type { SubjectTokens } from '../config/subject-token.js'
import { itemName, type Vault } from '../vault/vault.js'

/** All that the daemon asks of authorization servers. */
export interface Servers extends AuthorizationServers, DpopProofs, TokenInspector {
  readonly discovery: ServerDiscovery
}

export interface ServerParts {
  readonly clock: Clock
  readonly vault: Vault
  readonly subjectTokens: SubjectTokens
}

export function connectServers({ clock, vault, subjectTokens }: ServerParts): Servers {
  return new OAuthAuthorizationServers({
    clock,
    clientSecrets: createClientSecrets({ vault, environment: process.env }),
    subjectTokens,
    dpopKeys: {
      get: (profile) => vault.get(itemName.dpopKey(profile)),
      set: (profile, key) => vault.set(itemName.dpopKey(profile), key),
      delete: async (profile) => void (await vault.delete(itemName.dpopKey(profile))),
    },
  })
}
