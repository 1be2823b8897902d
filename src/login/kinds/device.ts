/**
 * Device logins (RFC 8628): the user enters a code at the authorization server, on any machine, and catchd asks the
 * server at intervals whether the user has done so.
 *
 * At most one request per interval. The interval grows when the server says so or does not answer. Success is reported
 * when the token set is in the vault (SECURITY.md#success-is-true).
 */
import * as z from 'zod'
import { randomId } from '../../authorization-server/pkce.js'
import type { DevicePoll } from '../../authorization-server/port.js'
import { Transcript } from '../../authorization-server/transcript.js'
import { DEVICE_CODE } from '../../config/grants.js'
import type { Profile } from '../../config/profile.js'
import { BoundServer } from '../../config/server-binding.js'
import { asCatchdError } from '../../failures.js'
import type { Secret } from '../../secret.js'
import { tokenSetFrom } from '../../tokens/token-set.js'
import { type RecordOf, readRecord, SecretMember, writeRecord } from '../../vault/record.js'
import { unsuccessful } from '../endings.js'
import { baseOf, type PendingAtServer } from '../login.js'
import { type Ending, reportOf } from '../login-report.js'
import type { LoginRequest } from '../login-request.js'
import { askingFor, keepTokens, profileOfLogin } from '../obtained-tokens.js'
import type { KindParts, LoginKind, LoginLife, OpenLogin } from './kind.js'

/** RFC 8628 §3.5. */
const SLOW_DOWN_MS = 5_000
const LONGEST_INTERVAL_MS = 60_000

const DeviceLoginRecord = z.object({
  version: z.literal(1),
  id: z.string(),
  profile: z.string(),
  created_at_ms: z.number(),
  expires_at_ms: z.number(),
  device_code: SecretMember,
  /** Records of earlier versions have none. */
  code_verifier: SecretMember.nullable().default(null),
  interval_ms: z.number(),
  user_code: z.string(),
  /** Records of earlier versions have none. */
  scope: z.string().nullable().default(null),
  verification_uri: z.string(),
  verification_uri_complete: z.string().nullable(),
  authorization_server: z.string(),
  client_id: z.string(),
  /** Records of earlier versions have none. */
  server: BoundServer.nullable().default(null),
})

type DeviceRecord = RecordOf<typeof DeviceLoginRecord>

export function deviceKind(parts: KindParts): LoginKind {
  return {
    itemPrefix: 'device-login/',
    limits: {
      perProfile: 10,
      inAll: 200,
      tooMany: '200 device logins are pending, which is the limit. Cancel some, or wait until they expire.',
    },
    goesOnAlone: true,
    begins: (request, profile) =>
      profile?.grant === DEVICE_CODE && !('state' in request)
        ? async () => new DeviceLogin(parts, await begin(parts, profile, 'profile' in request ? request : {}))
        : undefined,
    restored(item) {
      const record = readRecord(DeviceLoginRecord, item)
      return record && new DeviceLogin(parts, record)
    },
  }
}

/** `timeoutSeconds` may end the login before the server's `expires_in` does. */
async function begin(
  { clock, servers }: KindParts,
  profile: Profile,
  request: Pick<LoginRequest, 'scope' | 'timeoutSeconds'>,
): Promise<DeviceRecord> {
  const { scope: asked, timeoutSeconds = Infinity } = request
  const scope = asked ?? null
  const { expiresInSeconds, intervalSeconds, codeVerifier, server, ...authorization } =
    await servers.authorizeDevice(askingFor(profile, scope))
  const createdAtMs = clock.now()
  return {
    id: randomId(),
    profile: profile.name,
    createdAtMs,
    expiresAtMs: createdAtMs + Math.min(expiresInSeconds, timeoutSeconds) * 1000,
    intervalMs: intervalSeconds * 1000,
    scope,
    ...authorization,
    codeVerifier: codeVerifier ?? null,
    ...servers.origin(profile),
    server: server ?? null,
  }
}

class DeviceLogin implements OpenLogin {
  readonly login: PendingAtServer
  readonly redirect = null
  readonly expiredDetail = 'The code was not entered in time.'
  readonly #parts: KindParts
  readonly #record: DeviceRecord
  #intervalMs: number
  #cancelTimer: () => void = () => {}
  /** Of the last poll. */
  #transcript: Transcript | undefined

  constructor(parts: KindParts, record: DeviceRecord) {
    const { userCode, verificationUri, verificationUriComplete, intervalMs } = record
    this.#parts = parts
    this.#record = record
    this.#intervalMs = intervalMs
    this.login = {
      ...baseOf({ ...record, redirectUri: '' }),
      status: 'pending',
      kind: 'device',
      scope: record.scope,
      authorizationUrl: verificationUriComplete ?? verificationUri,
      device: { userCode, verificationUri, verificationUriComplete },
    }
  }

  silence(): readonly string[] {
    const { userCode, verificationUri } = this.#record
    const trouble = this.#transcript?.exchanges.at(-1)?.trouble ?? null
    if (trouble !== null)
      return [`catchd cannot ask the server whether the code was entered: ${trouble}. It tries again.`]
    return [`The code ${userCode} has not been entered yet. Enter it at:`, `  ${verificationUri}`]
  }

  record(): Secret {
    return writeRecord(DeviceLoginRecord, this.#record)
  }

  report(status: 'failed' | 'expired' | 'cancelled', failure: Parameters<typeof unsuccessful>[2]) {
    if (status === 'cancelled') return undefined
    return this.#reportOf({ step: 'token_request', failure, transcript: this.#transcript })
  }

  #reportOf(ending: Ending) {
    return reportOf(this.#parts, { ...this.login, origin: this.#record, asked: [] }, ending)
  }

  start(life: LoginLife): () => void {
    this.#pollLater(life)
    return () => this.#cancelTimer()
  }

  /** Uses the wall clock: after a sleep of the machine the code has expired. */
  #pollLater(life: LoginLife): void {
    const { clock } = this.#parts
    const leftMs = Math.max(0, this.login.expiresAtMs - clock.now())
    this.#cancelTimer = clock.after(Math.min(this.#intervalMs, leftMs), () => void this.#poll(life))
  }

  async #poll(life: LoginLife): Promise<void> {
    if (!life.isPending()) return
    const { lock } = this.#parts
    if (lock.isLocked) this.#pollLater(life)
    else await lock.use(() => this.#ask(life))
  }

  async #ask(life: LoginLife): Promise<void> {
    const { clock, servers, tokens } = this.#parts
    try {
      const profile = profileOfLogin(this.#parts, this.login.profile, this.#record, this.#record.scope)
      const logoutGeneration = tokens.logoutGeneration(profile.name)
      this.#transcript = new Transcript(clock)
      const answer = await servers.pollDevice(profile, this.#record, this.#transcript)
      await this.#take(life, profile, answer, logoutGeneration)
    } catch (error) {
      this.#fail(life, error)
    }
  }

  async #take(
    life: LoginLife,
    profile: Profile,
    answer: DevicePoll,
    logoutGeneration: number,
  ): Promise<void> {
    const { clock, servers } = this.#parts
    if (answer.outcome === 'issued') {
      const set = tokenSetFrom(answer.response, this.#record, profile.scope ?? null, clock.now())
      // The login ended before the answer arrived, so nobody will use these tokens.
      if (!life.claim()) return void servers.revoke(profile, set)
      const stored = await keepTokens(this.#parts, profile.name, set, logoutGeneration)
      const report = this.#reportOf({ step: 'done', transcript: this.#transcript })
      return life.settle({ ...baseOf(this.login), status: 'succeeded', stored, report })
    }
    if (answer.outcome === 'ended') return this.#fail(life, answer.error)
    if (answer.outcome === 'slow_down') this.#intervalMs += SLOW_DOWN_MS
    if (answer.outcome === 'retry_later') {
      this.#intervalMs = Math.min(this.#intervalMs * 2, Math.max(this.#intervalMs, LONGEST_INTERVAL_MS))
    }
    if (life.isPending()) this.#pollLater(life)
  }

  #fail(life: LoginLife, error: unknown): void {
    const failure = asCatchdError(error)
    const status = failure.code === 'login_expired' ? 'expired' : 'failed'
    life.settle(unsuccessful(this.login, status, failure, this.report(status, failure)))
  }
}
