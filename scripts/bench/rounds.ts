/**
 * Two sides measured one right after the other, round by round. A ratio is formed inside its round, so that a machine
 * that becomes slower half-way changes the figures and hardly the ratios.
 */

export interface Comparison {
  readonly what: string
  readonly against: string
  readonly unit: 'ms' | '/s' | 'MB'
  readonly ours: () => Promise<number>
  readonly reference: () => Promise<number>
  /** What the median of the ratios should keep to; `null` where nothing was promised. */
  readonly goal: { readonly most: number } | { readonly least: number } | null
  /** Default 7. */
  readonly rounds?: number
  /** Default true; false where each measurement starts processes of its own and takes long. */
  readonly warmsUp?: boolean
}

export interface Result extends Pick<Comparison, 'what' | 'against' | 'unit' | 'goal'> {
  /** Medians over the rounds. */
  readonly own: number
  readonly other: number
  readonly ratio: { readonly least: number; readonly median: number; readonly most: number }
}

/** Which side comes first changes from round to round. */
export async function compare(comparison: Comparison): Promise<Result> {
  const { what, against, unit, goal, ours, reference, rounds = 7, warmsUp = true } = comparison
  if (warmsUp) {
    await ours() // compiled, cached, grown: neither side starts cold
    await reference()
  }
  const mine: number[] = []
  const theirs: number[] = []
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) mine.push(await ours())
    theirs.push(await reference())
    if (round % 2 === 1) mine.push(await ours())
  }
  const ratios = mine.map((own, round) => own / (theirs[round] ?? Number.NaN))
  const ratio = { least: Math.min(...ratios), median: median(ratios), most: Math.max(...ratios) }
  return { what, against, unit, goal, own: median(mine), other: median(theirs), ratio }
}

export function isMet({ goal, ratio }: Result): boolean {
  if (goal === null) return true
  return 'most' in goal ? ratio.median <= goal.most : ratio.median >= goal.least
}

export const TABLE_HEAD = [
  '| what | against | catchd | reference | ratio min / median / max | goal |',
  '|---|---|---|---|---|---|',
].join('\n')

export function tableRow(result: Result): string {
  const { what, against, unit, own, other, ratio, goal } = result
  const figures = [own, other].map((figure) => `${figure.toFixed(unit === 'ms' ? 3 : 0)} ${unit}`)
  const spread = [ratio.least, ratio.median, ratio.most].map((value) => value.toFixed(2)).join(' / ')
  return `| ${[what, against, ...figures, spread, goalText(result, goal)].join(' | ')} |`
}

function goalText(result: Result, goal: Result['goal']): string {
  if (goal === null) return ''
  const bound = 'most' in goal ? `≤ ${goal.most.toFixed(2)}` : `≥ ${goal.least.toFixed(2)}`
  return isMet(result) ? bound : `${bound}, missed`
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/** @param share - 0.99 for the value that all but one in a hundred stay below. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
