/**
 * The short form of `npm run fuzz`: the same mutants in every run. Also that the rule itself can see a finding.
 *
 * FUZZ_SEED=NUMBER tries others.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CatchdError, toProblem } from '../../src/failures.js'
import { runCampaign, shares } from './campaign.js'
import { canary, type FuzzTarget, isFinding, judge, type Observed } from './target.js'
import { TARGETS } from './targets.js'

const SEED = Number(process.env['FUZZ_SEED'] ?? 20_260_101)
const MUTANTS = 200
/** Only for what hangs: some targets need a hundred requests a second, which a busy machine does not give. */
const LONGEST_MS = 3_600_000

describe(`mutants with seed ${SEED}`, () => {
  test.each(TARGETS.map((target) => [target.name, target] as const))(
    '%s',
    async (_name, target) => {
      const count = Math.ceil(MUTANTS * Math.min(1, target.weight))
      const { mutants, findings, outcomes } = await runCampaign(target, { count, seed: SEED })
      expect(findings).toEqual([])
      expect(mutants).toBe(count)
      // Some are refused for what they are, some are not.
      expect(outcomes.size).toBeGreaterThan(1)
    },
    LONGEST_MS,
  )
})

describe('a finding is', () => {
  const seen = { outcome: 'provider_refused', shown: ['refused'] }
  const secret = canary('secret')

  test.each<[what: string, observed: Observed, expected: boolean]>([
    ['nothing that has a code', seen, false],
    ['the code internal', { ...seen, outcome: 'internal' }, true],
    ['a status 500', { ...seen, outcome: '500' }, true],
    ['a problem with that code', { ...seen, shown: [JSON.stringify(toProblem(new Error()))] }, true],
    ['a text that says so', { ...seen, shown: ['catchd: Unexpected error'] }, true],
    ['an end of the process', { ...seen, exited: true }, true],
    ['a canary', { ...seen, shown: [`token=${secret}`] }, true],
    ...['', 'x', 'xx'].map((before) => {
      const header = `Basic ${Buffer.from(`${before}${secret}`).toString('base64')}`
      return [`a canary in base64 after "${before}"`, { ...seen, shown: [header] }, true] as [
        string,
        Observed,
        boolean,
      ]
    }),
    [
      'a secret that the program made',
      { ...seen, shown: ['x=k3y-of-this-run'], secrets: ['k3y-of-this-run'] },
      true,
    ],
  ])('%s', (_what, observed, expected) => {
    expect(isFinding(judge(observed))).toBe(expected)
  })
})

describe('a campaign', () => {
  const targetOf = (
    run: (input: number) => Promise<{ outcome: string; shown: string[] }>,
  ): FuzzTarget<number> => ({
    name: 'own',
    weight: 1,
    arbitrary: fc.nat(1_000),
    start: async () => ({ run, stop: async () => {} }),
  })

  test('counts and shrinks what it finds, and its seed and path lead there again', async () => {
    const target = targetOf(async (input) => ({ outcome: input >= 900 ? 'internal' : 'ok', shown: [] }))
    const { findings, internal } = await runCampaign(target, { count: 300, seed: 1 })
    expect(internal).toBe(findings.length)
    expect(new Set(findings.map(({ input }) => input))).toEqual(new Set(['900']))
    const [{ seed, path } = { seed: 0, path: '' }] = findings
    const again = await runCampaign(target, { count: 300, seed, path })
    expect(again.findings).toHaveLength(1)
    expect(again.findings[0]?.input).toBe('900')
  })

  test('sees an error that nobody catches', async () => {
    const target = targetOf(async () => {
      void Promise.reject(new CatchdError('internal'))
      return { outcome: 'ok', shown: [] }
    })
    expect((await runCampaign(target, { count: 1, seed: 1 })).exits).toBe(1)
  })

  test('divides its mutants by weight', () => {
    const targets = [{ weight: 3 }, { weight: 1 }]
    expect(shares(targets, 100).map(([, count]) => count)).toEqual([75, 25])
  })
})
