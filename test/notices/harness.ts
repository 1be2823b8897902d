/** A notice service between a clock, token sets and commands that a test holds in its hands. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { NoticeSettings } from '../../src/config/notices.js'
import type { Profile } from '../../src/config/profile.js'
import { CatchdError } from '../../src/failures.js'
import type { CommandCall } from '../../src/notices/command.js'
import { NoticeMemory } from '../../src/notices/notice-memory.js'
import { type NoticeEvent, NoticeService } from '../../src/notices/notice-service.js'
import { Secret } from '../../src/secret.js'
import { type TokenSet, tokenSetFrom } from '../../src/tokens/token-set.js'
import { testProfile, tokenResponse } from '../support/fake-authorization-servers.js'
import { ManualClock, settle } from '../support/manual-clock.js'

export const SECOND_MS = 1_000
export const MINUTE_MS = 60 * SECOND_MS
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

export const HOOK: NoticeSettings = {
  loginRequiredCommand: ['tell'],
  desktop: false,
  beforeSeconds: 86_400,
}

export async function startNotices(first: NoticeSettings = HOOK) {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-notices-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'notices.json')
  const clock = new ManualClock()
  const world = {
    settings: first,
    profiles: new Map<string, Profile>([['gw', testProfile()]]),
    sets: new Map<string, TokenSet>(),
    /** Names that were asked for. */
    found: [] as string[],
    trouble: null as CatchdError | null,
    events: [] as NoticeEvent[],
    memoryTroubles: [] as string[],
    runs: [] as CommandCall[],
    outcome: null as string | null,
  }
  let memory: NoticeMemory
  const make = () => {
    memory = new NoticeMemory(file, (code) => world.memoryTroubles.push(code))
    return new NoticeService({
      clock,
      configuration: {
        notices: () => world.settings,
        profile(name) {
          const profile = world.profiles.get(name)
          if (profile === undefined) throw new CatchdError('profile_unknown')
          return profile
        },
      },
      tokens: {
        async find(name) {
          world.found.push(name)
          if (world.trouble !== null) throw world.trouble
          return { set: world.sets.get(name) ?? null }
        },
      },
      memory,
      environment: { PATH: '/bin' },
      run: async (call) => {
        world.runs.push(call)
        return world.outcome
      },
      desktopCommand: ({ title, body }, environment) => ({ command: ['desktop', title, body], environment }),
      log: (event) => world.events.push(event),
    })
  }
  /** What is under way is done, writes of the file among it. */
  const idle = async () => {
    for (let turn = 0; turn < 4; turn++) {
      await settle()
      await memory.save()
    }
    await settle()
  }
  let service = make()
  await service.start()
  const issued = (changes: Partial<TokenSet> = {}): TokenSet => {
    const origin = { authorizationServer: 'https://id.example.com', clientId: 'catchd' }
    return { ...tokenSetFrom(tokenResponse(), origin, null, clock.now()), ...changes }
  }
  return {
    ...{ clock, file, world, issued },
    get service() {
      return service
    },
    /** `gw:expired`, in the order they were run. */
    get told() {
      return world.runs.map(
        ({ environment }) => `${environment['CATCHD_PROFILE']}:${environment['CATCHD_REASON']}`,
      )
    },
    /** A login or a refresh brought this. */
    async stored(set: TokenSet, profile = 'gw', event = 'login.succeeded') {
      world.sets.set(profile, set)
      service.saw({ event, profile })
      await idle()
    },
    async used(profile = 'gw') {
      service.used(profile)
      await idle()
    },
    async saw(event: string, profile = 'gw') {
      service.saw({ event, profile })
      await idle()
    },
    async configure(settings: Partial<NoticeSettings>) {
      world.settings = { ...world.settings, ...settings }
      await service.reconsider()
      await idle()
    },
    /** Time passes, with the file's writes done in between. */
    async pass(ms: number) {
      await clock.pass(ms)
      await idle()
    },
    async restart() {
      await service.close()
      service = make()
      await service.start()
      await idle()
    },
  }
}

export const refreshToken = new Secret('refresh-canary-1')
export const refusal = { reason: 'refused', error: 'invalid_grant', errorDescription: 'canary' } as const
