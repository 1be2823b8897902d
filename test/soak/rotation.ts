/**
 * Rotation at authorization servers that other people wrote, with kills in between: the daemon refreshes many
 * times, is killed between two refreshes and in the middle of others, and tries a refresh token whose answer was
 * cut off once more. Where the server calls that reuse, one login is needed.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { startGlewlwyd } from '../support/glewlwyd.js'
import { startOidcProvider } from '../support/oidc-provider.js'

export interface RotationResult {
  readonly server: string
  readonly refreshes: number
  readonly kills: number
  /** After a kill in the middle of a refresh a person may be needed. */
  readonly loginRequired: number
  /** What the server itself took for the reuse of a rotated refresh token. */
  readonly reuseDetected: number
}

export interface RotationPlan {
  readonly refreshes: number
  /** Kills between two refreshes: after these many. */
  readonly killAfter: readonly number[]
  /** Kills in the middle of one: so many milliseconds after it was asked for, one for each. */
  readonly killWithinMs: readonly number[]
}

interface RealServer {
  readonly name: string
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string | null
  approve(authorizationUrl: string): Promise<string>
  reuseDetected(): number
  close(): Promise<void>
}

const PROFILE = 'real'

export async function rotateAtOidcProvider(plan: RotationPlan): Promise<RotationResult> {
  return rotateAt(plan, async (redirectUris) => {
    const server = await startOidcProvider({ redirectUris, rotateRefreshTokens: true })
    return {
      name: 'oidc-provider',
      issuer: server.issuer,
      clientId: server.clientId,
      clientSecret: server.clientSecret,
      approve: (url) => server.approveByRedirect(url),
      reuseDetected: () => server.counts.refreshTokensReused,
      close: () => server.close(),
    }
  })
}

export async function rotateAtGlewlwyd(plan: RotationPlan): Promise<RotationResult> {
  return rotateAt(plan, async (redirectUris) => {
    const server = await startGlewlwyd({ redirectUris })
    return {
      name: 'glewlwyd',
      issuer: server.issuer,
      clientId: server.clientId,
      clientSecret: server.clientSecret,
      approve: (url) => server.approve(url),
      reuseDetected: () => server.log().match(GLEWLWYD_REUSE)?.length ?? 0,
      close: () => server.close(),
    }
  })
}

/** A token that was rotated, and one that never was, are both "invalid" to it. */
const GLEWLWYD_REUSE = /Token invalid/g

async function rotateAt(
  plan: RotationPlan,
  startServer: (redirectUris: string[]) => Promise<RealServer>,
): Promise<RotationResult> {
  const redirectPort = await freePort()
  const server = await startServer([`http://127.0.0.1:${redirectPort}/callback/${PROFILE}`])
  try {
    const daemon = await startDaemon({
      redirectPort,
      env: { CATCHD_VAULT: 'file' },
      config: {
        profiles: {
          [PROFILE]: {
            issuer: server.issuer,
            client_id: server.clientId,
            ...(server.clientSecret === null ? {} : { client_secret: server.clientSecret }),
            scope: 'openid',
          },
        },
      },
    })
    try {
      return await rotate(daemon, server, plan)
    } finally {
      await daemon.stop()
    }
  } finally {
    await server.close()
  }
}

async function rotate(daemon: Daemon, server: RealServer, plan: RotationPlan): Promise<RotationResult> {
  const refresh = () => daemon.api('POST', `/v1/tokens/${PROFILE}/refresh`)
  const logIn = async () => {
    const { login } = await daemon.login(PROFILE, server.approve)
    if (login['status'] !== 'succeeded') throw new Error(`The login ends: ${JSON.stringify(login)}`)
  }
  await logIn()
  for (let count = 1; count <= plan.refreshes; count += 1) {
    const { status, text } = await refresh()
    if (status !== 200) throw new Error(`Refresh ${count} at ${server.name}: ${status} ${text}`)
    if (plan.killAfter.includes(count)) await daemon.restart('SIGKILL')
  }
  let loginRequired = 0
  for (const ms of plan.killWithinMs) {
    void refresh().catch(() => {})
    await delay(ms)
    await daemon.restart('SIGKILL')
    const { status, json, text } = await refresh()
    if (status === 200) continue
    if (json['code'] !== 'login_required')
      throw new Error(`After a kill at ${server.name}: ${status} ${text}`)
    loginRequired += 1
    await logIn()
  }
  return {
    server: server.name,
    refreshes: plan.refreshes,
    kills: plan.killAfter.length + plan.killWithinMs.length,
    loginRequired,
    reuseDetected: server.reuseDetected(),
  }
}

export function formatRotation(result: RotationResult): string {
  const { server, refreshes, kills, loginRequired, reuseDetected } = result
  return `${server}: ${refreshes} rotations, ${kills} kills, login_required ${loginRequired}, reuse detected ${reuseDetected}`
}
