/** Token sets and the servers that issue them, and the notices that tell a person that one needs a login. */
import { join } from 'node:path'
import type { Clock } from '../clock.js'
import type { Folders } from '../config/folders.js'
import { createSubjectTokens } from '../config/subject-token.js'
import { harmless, runCommand } from '../notices/command.js'
import { notificationCommand } from '../notices/desktop.js'
import { NOTICES_FILE, NoticeMemory } from '../notices/notice-memory.js'
import { NoticeService } from '../notices/notice-service.js'
import { TokenKeeper } from '../tokens/token-keeper.js'
import type { ServerParts, Servers } from './authorization-servers.js'
import type { EventHub } from './event-hub.js'
import type { DaemonLog } from './log.js'
import type { Storage } from './storage.js'

export interface TokenParts {
  readonly clock: Clock
  readonly folders: Folders
  readonly log: DaemonLog
  readonly events: EventHub
  readonly storage: Storage
  readonly connect: (parts: ServerParts) => Servers
}

export type Tokens = ReturnType<typeof composeTokens>

export function composeTokens({ clock, folders, log, events, storage, connect }: TokenParts) {
  const { vault, configuration, refreshJournal } = storage
  // The one binding that is late: servers are asked by the keeper, and a token exchange (RFC 8693) sends the token of
  // another profile, which the keeper has.
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
  events.observe((event) => notices.saw(event))
  return { servers, keeper, notices }
}
