/** Token sets, the authorization servers that issue them, and the notifications that a profile needs a login. */
import { join } from 'node:path'
import { OAuthAuthorizationServers } from '../authorization-server/authorization-servers.js'
import type {
  AuthorizationServers,
  DpopProofs,
  ResourceIssuerMemory,
  ServerDiscovery,
  TokenInspector,
} from '../authorization-server/port.js'
import type { Clock } from '../clock.js'
import { createClientSecrets } from '../config/client-secret.js'
import { createSubjectTokens, type SubjectTokens } from '../config/subject-token.js'
import { harmless, runCommand } from '../notices/command.js'
import { notificationCommand } from '../notices/desktop.js'
import { NOTICES_FILE, NoticeMemory } from '../notices/notice-memory.js'
import { NoticeService } from '../notices/notice-service.js'
import type { Secret } from '../secret.js'
import { TokenKeeper } from '../tokens/token-keeper.js'
import { itemName, type Vault } from '../vault/vault.js'
import type { DaemonParts } from './parts.js'

/** All that the daemon needs from authorization servers. */
export interface Servers extends AuthorizationServers, DpopProofs, TokenInspector, ResourceIssuerMemory {
  readonly discovery: ServerDiscovery
}

export interface ServerParts {
  readonly clock: Clock
  readonly vault: Vault
  readonly subjectTokens: SubjectTokens
}

/** Requests use client secrets, DPoP keys and the first issuers of resource servers from the vault. */
export function connectServers({ clock, vault, subjectTokens }: ServerParts): Servers {
  return new OAuthAuthorizationServers({
    clock,
    clientSecrets: createClientSecrets({ vault, environment: process.env }),
    subjectTokens,
    dpopKeys: profileItems(vault, itemName.dpopKey),
    resourceIssuers: profileItems(vault, itemName.resourceIssuer),
  })
}

function profileItems(vault: Vault, nameOf: (profile: string) => string) {
  return {
    get: (profile: string) => vault.get(nameOf(profile)),
    set: (profile: string, item: Secret) => vault.set(nameOf(profile), item),
    delete: async (profile: string) => void (await vault.delete(nameOf(profile))),
  }
}

export type Tokens = ReturnType<typeof composeTokens>

export function composeTokens({
  clock,
  folders,
  log,
  events,
  gate,
  storage,
  connect,
}: Pick<DaemonParts, 'clock' | 'folders' | 'log' | 'events' | 'gate' | 'storage' | 'connect'>) {
  const { vault, configuration, refreshJournal } = storage
  // Used before it exists: the keeper calls the servers, and a token exchange (RFC 8693) sends the token of another
  // profile, which the keeper has.
  const servers = connect({
    clock,
    vault,
    subjectTokens: createSubjectTokens({
      accessToken: async (name) => (await keeper.get(name, undefined)).accessToken,
      idToken: async (name) => (await keeper.idToken(name, undefined)).token,
    }),
  })
  const keeper = new TokenKeeper({
    clock,
    vault,
    steps: refreshJournal,
    servers,
    profiles: configuration,
    lock: gate,
    random: Math.random,
    log: (event) => events.tell(event),
  })
  const notices = new NoticeService({
    clock,
    configuration,
    tokens: keeper,
    memory: new NoticeMemory(join(folders.stateFolder, NOTICES_FILE), (failure) =>
      log.warn({ event: 'notice.memory_failed', failure }),
    ),
    environment: harmless(process.env),
    run: runCommand,
    desktopCommand: (text, environment) => notificationCommand(process.platform, text, environment),
    log: (event) => log.info(event),
  })
  events.subscribe((event) => notices.saw(event))
  return { servers, keeper, notices }
}
