/**
 * The kill -9 matrix: each step in many rounds, and after every kill the same questions to the daemon that was
 * started again on the same home and to the server that counted.
 *
 * The questions: is what was stored still served? Was a code sent twice, or a rotated refresh token tried more than once
 * after the kill? Is there otherwise exactly one clean `login_required`, which a new login ends?
 */
import type { Aftermath, CrashStep } from './crash-steps.js'
import type { Scene } from './scene.js'

export interface StepTally {
  readonly vault: string
  readonly step: string
  rounds: number
  /** A stored token set that was not served any more. */
  lost: number
  redeemedTwice: number
  /** Rotated refresh tokens that were tried once after a kill. */
  triedAgain: number
  /** That were tried more often. */
  replayed: number
  /** Logins that ended `login_required` because they were cut off; their code is never sent again. */
  loginsCutOff: number
  /** Rounds after which the profile's tokens were `login_required`: a person was needed. */
  loginRequired: number
  /** The keyring itself ended when its client was killed, and was started again. */
  keyringAborts: number
  /** What else was not as promised. */
  readonly trouble: string[]
}

export async function playStep(scene: Scene, step: CrashStep, rounds: number): Promise<StepTally> {
  const tally = emptyTally(scene, step)
  for (let round = 0; round < rounds; round += 1) {
    const before = scene.server.counts
    try {
      // Interrupted logins find a profile with tokens, which must stay, and one without, in turns.
      const held = await prepare(scene, step.kind === 'refresh' || round % 2 === 0)
      const aftermath = await step.play(scene, round / rounds)
      let verdict = await examineAgain(scene, step, held, aftermath)
      if (await scene.reviveKeyring()) {
        tally.keyringAborts += 1
        await scene.daemon.kill()
        verdict = await examineAgain(scene, step, held, aftermath)
      }
      tally.lost += verdict.lost
      tally.loginsCutOff += verdict.loginsCutOff
      tally.loginRequired += verdict.loginRequired
      tally.trouble.push(...verdict.trouble)
    } catch (error) {
      if (await scene.reviveKeyring()) tally.keyringAborts += 1
      else tally.trouble.push(String(error))
      await scene.daemon.kill()
      await scene.startAgain()
    }
    const after = scene.server.counts
    tally.rounds += 1
    tally.redeemedTwice += after.codesRedeemedTwice - before.codesRedeemedTwice
    tally.triedAgain += after.refreshTokensTriedAgain - before.refreshTokensTriedAgain
    tally.replayed += after.refreshTokensReplayed - before.refreshTokensReplayed
  }
  return tally
}

function emptyTally(scene: Scene, step: CrashStep): StepTally {
  return {
    vault: scene.vault,
    step: step.name,
    rounds: 0,
    lost: 0,
    redeemedTwice: 0,
    triedAgain: 0,
    replayed: 0,
    loginsCutOff: 0,
    loginRequired: 0,
    keyringAborts: 0,
    trouble: [],
  }
}

/** Starts the daemon on the same home and asks the questions; a dead keyring makes the answers void. */
async function examineAgain(
  scene: Scene,
  step: CrashStep,
  held: string | undefined,
  aftermath: Aftermath,
): Promise<StepTally> {
  const verdict = emptyTally(scene, step)
  try {
    await scene.startAgain()
    await examine(scene, held, aftermath, verdict)
  } catch (error) {
    verdict.trouble.push(String(error))
  }
  return verdict
}

/** @returns The access token that is stored, if any. */
async function prepare(scene: Scene, withTokens: boolean): Promise<string | undefined> {
  if (!withTokens) {
    await scene.logout()
    return undefined
  }
  await scene.login()
  return scene.server.newest?.accessToken
}

async function examine(
  scene: Scene,
  held: string | undefined,
  aftermath: Aftermath,
  tally: StepTally,
): Promise<void> {
  const { login, stored } = aftermath
  if (login !== undefined) {
    await scene.deliver(login.response) // the browser reloads
    const { status, code } = await scene.loginStatus(login.id)
    const isCutOff = status === 'failed' && code === 'login_required'
    if (isCutOff) tally.loginsCutOff += 1
    const isForgotten = code === 'login_unknown'
    if (aftermath.untouched === true ? status !== 'succeeded' : !isClean(status, isCutOff, isForgotten)) {
      tally.trouble.push(`the login is ${status} (${code})`)
    }
  }
  if (!(await examineToken(scene, stored ?? held, stored !== undefined, tally))) return
  tally.loginRequired += 1
  await scene.login()
  const [token, refreshed] = [await scene.token(), await scene.refresh()]
  if (token.status !== 200 || refreshed.status !== 200) {
    tally.trouble.push(`after a new login: ${token.text} ${refreshed.text}`)
  }
}

function isClean(status: string, isCutOff: boolean, isForgotten: boolean): boolean {
  return status === 'succeeded' || isCutOff || isForgotten
}

/** @returns Whether a person is needed. */
async function examineToken(
  scene: Scene,
  promised: string | undefined,
  refreshes: boolean,
  tally: StepTally,
): Promise<boolean> {
  const token = await scene.token()
  const served = token.json['access_token']
  const newest = scene.server.newest?.accessToken
  const isServed = token.status === 200 && (served === promised || served === newest)
  if (promised !== undefined && !isServed) tally.lost += 1
  if (!isServed && token.json['code'] !== 'login_required') tally.trouble.push(`token: ${token.text}`)
  if (token.status !== 200) return true
  const refreshed = await scene.refresh()
  if (refreshed.status === 200) return false
  if (refreshed.json['code'] !== 'login_required') tally.trouble.push(`refresh: ${refreshed.text}`)
  // The refresh token of a token set that was stored last belongs to what must not be lost.
  if (refreshes) tally.lost += 1
  return true
}

/** Everything that must be 0 is, and no round has more than one try after its kill. */
export function isAsPromised({
  rounds,
  lost,
  redeemedTwice,
  triedAgain,
  replayed,
  trouble,
}: StepTally): boolean {
  return lost + redeemedTwice + replayed + trouble.length === 0 && triedAgain <= rounds
}

/** A table for people; figures that must be 0 are told from those that may be anything. */
export function formatTallies(tallies: readonly StepTally[]): string {
  const head = [
    'vault',
    'killed at',
    'rounds',
    'lost',
    'redeemed twice',
    'tried once more',
    'replayed',
    'login cut off',
    'login_required',
    'keyring aborts',
    'trouble',
  ]
  const rows = tallies.map((tally) => [
    tally.vault,
    tally.step,
    String(tally.rounds),
    String(tally.lost),
    String(tally.redeemedTwice),
    String(tally.triedAgain),
    String(tally.replayed),
    String(tally.loginsCutOff),
    String(tally.loginRequired),
    String(tally.keyringAborts),
    String(tally.trouble.length),
  ])
  const widths = head.map((title, column) =>
    Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0), title.length),
  )
  const lines = [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return [...lines, ...tallies.flatMap(formatTrouble)].join('\n')
}

/** The same trouble in many rounds is said once. */
function formatTrouble({ vault, step, trouble }: StepTally): string[] {
  return [...new Set(trouble)].map((text) => {
    const times = trouble.filter((other) => other === text).length
    return `${vault}, ${step}, ${times} times: ${text}`
  })
}
