/**
 * How long the one unavoidable window is, from outside: from the last byte of the token response until the file
 * that holds the token set was replaced. A daemon that is killed in between has tokens that nobody knows.
 */
import type { Scene } from './scene.js'
import { nextReplacement, untilQuiet } from './watched-file.js'

export interface Window {
  readonly vault: string
  readonly of: 'login' | 'refresh'
  readonly rounds: number
  readonly medianMs: number
  readonly maxMs: number
}

export async function measureWindows(scene: Scene, rounds: number): Promise<Window[]> {
  const logins: number[] = []
  const refreshes: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    logins.push(
      await timeStoring(scene, async () => {
        const { authorizationUrl } = await scene.begin()
        await untilQuiet(scene.storeFile)
        return () => scene.deliver(scene.server.approve(authorizationUrl))
      }),
    )
    refreshes.push(await timeStoring(scene, async () => () => scene.refresh()))
  }
  return [summary(scene, 'login', logins), summary(scene, 'refresh', refreshes)]
}

/** @param prepare - Gives the action that makes one token request. */
async function timeStoring(scene: Scene, prepare: () => Promise<() => Promise<unknown>>): Promise<number> {
  const act = await prepare()
  await untilQuiet(scene.storeFile)
  const { answered } = scene.server.watchNext({ hold: false })
  const stored = answered.then(() => nextReplacement(scene.storeFile))
  const done = act()
  const windowMs = (await stored) - (await answered)
  await done
  return windowMs
}

function summary(scene: Scene, of: Window['of'], times: readonly number[]): Window {
  const sorted = times.toSorted((a, b) => a - b)
  return {
    vault: scene.vault,
    of,
    rounds: sorted.length,
    medianMs: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    maxMs: sorted.at(-1) ?? Number.NaN,
  }
}

export function formatWindows(windows: readonly Window[]): string {
  return windows
    .map(
      ({ vault, of, rounds, medianMs, maxMs }) =>
        `${vault}, ${of}: median ${medianMs.toFixed(1)} ms, max ${maxMs.toFixed(1)} ms (${rounds} times)`,
    )
    .join('\n')
}
