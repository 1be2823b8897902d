/** Runs one target for a number of mutants, shrinks what it finds, and counts. */
import fc from 'fast-check'
import { type FuzzTarget, isFinding, judge, type RunningTarget, type Verdict } from './target.js'

/** Nothing in the program waits nearly this long, also where the machine is busy. Then it counts as an exit. */
const HUNG_MS = 600_000
/** Then the target is left: the rest would mostly find the same again. */
const MOST_FINDINGS = 10

export interface Tally {
  readonly target: string
  mutants: number
  exits: number
  internal: number
  canaries: number
  slowestMs: number
  /** How often each outcome was seen. Shows whether mutants come into the program at all. */
  readonly outcomes: Map<string, number>
  readonly findings: Finding[]
}

export interface Finding {
  readonly verdict: Verdict
  /** The shrunk input. */
  readonly input: string
  readonly seed: number
  /** Leads fast-check from the seed to the input. */
  readonly path: string
}

export interface CampaignOptions {
  readonly count: number
  readonly seed: number
  /** Repeats one finding only. */
  readonly path?: string | undefined
}

export async function runCampaign<Input>(
  target: FuzzTarget<Input>,
  { count, seed, path }: CampaignOptions,
): Promise<Tally> {
  const tally: Tally = {
    target: target.name,
    ...{ mutants: 0, exits: 0, internal: 0, canaries: 0, slowestMs: 0 },
    ...{ outcomes: new Map(), findings: [] },
  }
  const stray = watchProcess()
  const running = await target.start()
  try {
    for (let round = 0; tally.mutants < count && tally.findings.length < MOST_FINDINGS; round++) {
      await runRound(target, running, stray, tally, {
        numRuns: count - tally.mutants,
        seed: seed + round,
        path,
      })
      if (path !== undefined) break
    }
  } finally {
    await running.stop()
    stray.stop()
  }
  return tally
}

/** Until the first finding, which is shrunk. */
async function runRound<Input>(
  target: FuzzTarget<Input>,
  running: RunningTarget<Input>,
  stray: ReturnType<typeof watchProcess>,
  tally: Tally,
  { numRuns, seed, path }: { numRuns: number; seed: number; path: string | undefined },
): Promise<void> {
  let last: Verdict | undefined
  let isShrinking = false
  const property = fc.asyncProperty(target.arbitrary, async (input) => {
    const beganAt = performance.now()
    const observed = await Promise.race([running.run(input), hung()])
    await new Promise((resolve) => setImmediate(resolve)) // what the mutant left behind is counted for it
    const thrown = stray.taken()
    const verdict = judge(
      thrown.length === 0 ? observed : { ...observed, exited: true, shown: [...observed.shown, ...thrown] },
    )
    if (!isShrinking) {
      tally.mutants += 1
      tally.slowestMs = Math.max(tally.slowestMs, performance.now() - beganAt)
      tally.outcomes.set(verdict.outcome, (tally.outcomes.get(verdict.outcome) ?? 0) + 1)
      tally.exits += Number(verdict.exited)
      tally.internal += Number(verdict.internal)
      tally.canaries += Number(verdict.canaries.length > 0)
    }
    if (!isFinding(verdict)) return true
    isShrinking = true
    last = verdict
    return false
  })
  const details = await fc.check(property, { numRuns, seed, ...(path === undefined ? {} : { path }) })
  if (!details.failed) return
  // The target itself failed, not the program under test.
  if (last === undefined || details.counterexample === null)
    throw details.errorInstance ?? new Error(`${target.name} failed.`)
  tally.findings.push({
    verdict: last,
    input: fc.stringify(details.counterexample[0]),
    seed: details.seed,
    path: details.counterexamplePath ?? '',
  })
}

function hung() {
  return new Promise<{ outcome: string; shown: string[]; exited: true }>((resolve) => {
    setTimeout(() => resolve({ outcome: 'no answer', shown: [], exited: true }), HUNG_MS).unref()
  })
}

/** What would end the program if it ran by itself: errors that nobody catches. */
function watchProcess() {
  const thrown: string[] = []
  const note = (error: unknown) => {
    thrown.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  const events = ['uncaughtException', 'unhandledRejection'] as const
  // Vitest has its own listeners, which would count what is counted here.
  const before = events.map((event) => [event, process.listeners(event as 'uncaughtException')] as const)
  for (const event of events) process.removeAllListeners(event).on(event, note)
  return {
    taken: () => thrown.splice(0),
    stop() {
      for (const [event, listeners] of before) {
        process.removeListener(event, note)
        for (const listener of listeners) process.on(event, listener)
      }
    },
  }
}

/** Divides the mutants of a run by the weights of the targets. */
export function shares<Target extends { readonly weight: number }>(
  targets: readonly Target[],
  count: number,
): [target: Target, count: number][] {
  const whole = targets.reduce((sum, { weight }) => sum + weight, 0)
  return targets.map((target) => [target, Math.ceil((count * target.weight) / whole)])
}
