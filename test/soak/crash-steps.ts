/**
 * The steps at which the daemon is killed, each as what somebody outside can see of it. A step plays one round up
 * to the kill and says what is promised of it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { LastingVault } from '../../src/vault/vault-kinds.js'
import type { Scene } from './scene.js'
import { replacementAfter, untilQuiet } from './watched-file.js'

/** What a round had reached when the daemon died. */
export interface Aftermath {
  /** The login that was under way, and the authorization response that a browser brings (again). */
  readonly login?: { readonly id: string; readonly response: string }
  /** The access token that must be served: its token set was stored. */
  readonly stored?: string | undefined
  /** The token request had not been received: the login or the refresh must go on as if nothing had happened. */
  readonly untouched?: boolean
}

export interface CrashStep {
  readonly name: string
  readonly kind: 'login' | 'refresh'
  /** Only where the moment can be seen; everywhere by default. */
  readonly only?: LastingVault
  /** Left out of the short form. */
  readonly isLong?: boolean
  /** @param share - Where in the step's time span the kill falls, in [0, 1). */
  play(scene: Scene, share: number): Promise<Aftermath>
}

/** Longer than storing takes, so that the kill falls before, into and after it. */
const STORING_MS = 20
const BEFORE_SEND_MS = 5

export const CRASH_STEPS: readonly CrashStep[] = [
  {
    name: 'login asked for, URL not out',
    kind: 'login',
    async play(scene, share) {
      void scene.begin().catch(() => {})
      await pause(share * 10)
      await scene.daemon.kill()
      return {}
    },
  },
  {
    name: 'URL issued',
    kind: 'login',
    async play(scene) {
      const login = await begun(scene)
      await scene.daemon.kill()
      return { login, untouched: true }
    },
  },
  {
    name: 'response read',
    kind: 'login',
    async play(scene, share) {
      const login = await begun(scene)
      bring(scene, login)
      await pause(share * BEFORE_SEND_MS)
      await scene.daemon.kill()
      return { login }
    },
  },
  {
    name: 'token request sent',
    kind: 'login',
    async play(scene) {
      const login = await begun(scene)
      const { received } = scene.server.watchNext({ hold: true })
      bring(scene, login)
      await received
      await scene.daemon.kill()
      return { login }
    },
  },
  {
    name: 'answer received, 0-20 ms later',
    kind: 'login',
    async play(scene, share) {
      const login = await begun(scene)
      const { answered } = scene.server.watchNext({ hold: false })
      bring(scene, login)
      await answered
      await pause(share * STORING_MS)
      await scene.daemon.kill()
      return { login }
    },
  },
  {
    name: 'stored, nobody told',
    kind: 'login',
    only: 'file',
    async play(scene) {
      const login = await begun(scene)
      await untilQuiet(scene.storeFile)
      const { answered } = scene.server.watchNext({ hold: false })
      const stored = replacementAfter(scene.storeFile, answered)
      bring(scene, login)
      await stored
      await scene.daemon.kill()
      return { login, stored: scene.server.newest?.accessToken }
    },
  },
  {
    name: 'stored, page unsent',
    kind: 'login',
    async play(scene) {
      const login = await begun(scene)
      bring(scene, login)
      const { status, code } = await scene.loginStatus(login.id)
      await scene.daemon.kill()
      if (status !== 'succeeded') throw new Error(`The login ends ${status} (${code}).`)
      return { login, stored: scene.server.newest?.accessToken }
    },
  },
  {
    name: 'token request sent, killed twice',
    kind: 'login',
    isLong: true,
    async play(scene, share) {
      const login = await begun(scene)
      const { received } = scene.server.watchNext({ hold: true })
      bring(scene, login)
      await received
      await scene.daemon.kill()
      await scene.daemon.start()
      bring(scene, login)
      await pause(share * STORING_MS)
      await scene.daemon.kill()
      return { login }
    },
  },
  {
    name: 'refresh before send',
    kind: 'refresh',
    async play(scene, share) {
      ask(scene)
      await pause(share * BEFORE_SEND_MS)
      await scene.daemon.kill()
      return {}
    },
  },
  {
    name: 'refresh sent, unanswered',
    kind: 'refresh',
    async play(scene) {
      const { received } = scene.server.watchNext({ hold: true })
      ask(scene)
      await received
      await scene.daemon.kill()
      return {}
    },
  },
  {
    name: 'refresh sent, killed twice',
    kind: 'refresh',
    isLong: true,
    async play(scene, share) {
      const { received } = scene.server.watchNext({ hold: true })
      ask(scene)
      await received
      await scene.daemon.kill()
      await scene.daemon.start()
      ask(scene)
      await pause(share * STORING_MS)
      await scene.daemon.kill()
      return {}
    },
  },
  {
    name: 'refresh answered, 0-20 ms later',
    kind: 'refresh',
    async play(scene, share) {
      const { answered } = scene.server.watchNext({ hold: false })
      ask(scene)
      await answered
      await pause(share * STORING_MS)
      await scene.daemon.kill()
      return {}
    },
  },
  {
    name: 'refresh stored, nobody told',
    kind: 'refresh',
    only: 'file',
    async play(scene) {
      await untilQuiet(scene.storeFile)
      const { answered } = scene.server.watchNext({ hold: false })
      const stored = replacementAfter(scene.storeFile, answered)
      ask(scene)
      await stored
      await scene.daemon.kill()
      return { stored: scene.server.newest?.accessToken }
    },
  },
  {
    name: 'refresh handed out',
    kind: 'refresh',
    async play(scene) {
      const { json } = await scene.tokenAtExpiry()
      await scene.daemon.kill()
      return { stored: String(json['access_token']) }
    },
  },
]

async function begun(scene: Scene) {
  const { id, authorizationUrl } = await scene.begin()
  return { id, response: scene.server.approve(authorizationUrl) }
}

/** The browser's request, of which nobody waits for the page. */
function bring(scene: Scene, { response }: { readonly response: string }): void {
  void scene.deliver(response).catch(() => {})
}

function ask(scene: Scene): void {
  void scene.tokenAtExpiry().catch(() => {})
}

/** By timers alone: a loop that watches the time would take the daemon's processor. */
async function pause(ms: number): Promise<void> {
  await delay(Math.round(ms))
}
