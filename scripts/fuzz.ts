/**
 * Mutants against every edge of the program where others decide what comes in (test/fuzz/). Prints what each target saw,
 * and each finding, shrunk, with the command that repeats it. Ends with exit code 1 if there is a finding.
 *
 * npm run fuzz -- [--count 100000] [--target NAME] [--seed NUMBER]
 */
import { parseArgs } from 'node:util'
import { runCampaign, shares, type Tally } from '../test/fuzz/campaign.js'
import type { Verdict } from '../test/fuzz/target.js'
import { TARGETS } from '../test/fuzz/targets.js'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '10000' },
    target: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    path: { type: 'string' },
  },
})

const targets = TARGETS.filter(({ name }) => (values.target ?? name) === name)
if (targets.length === 0) {
  console.error(
    `There is no target ${values.target}. The targets: ${TARGETS.map(({ name }) => name).join(', ')}.`,
  )
  process.exit(2)
}
console.log(`seed ${values.seed}`)
const tallies: Tally[] = []
for (const [target, count] of shares(targets, Number(values.count))) {
  process.stderr.write(`${target.name}: ${count} mutants\n`)
  const tally = await runCampaign(target, { count, seed: Number(values.seed), path: values.path })
  tallies.push(tally)
  console.log(`${target.name}: ${outcomesOf(tally)}`)
  for (const finding of tally.findings) print(tally, finding)
}
console.log(`\n${table(tallies)}`)
process.exitCode = tallies.some(({ findings }) => findings.length > 0) ? 1 : 0

function outcomesOf({ outcomes }: Tally): string {
  return [...outcomes]
    .sort(([, a], [, b]) => b - a)
    .map(([outcome, count]) => `${outcome} ${count}`)
    .join(', ')
}

function print({ target }: Tally, { verdict, input, seed, path }: Tally['findings'][number]): void {
  const { outcome, internal, exited, canaries } = verdict
  console.log(
    `\n${target}: ${outcome}${internal ? ', internal' : ''}${exited ? ', exited' : ''} ${canaries.join(' ')}`,
  )
  console.log(`  input  ${shortened(input)}`)
  console.log(`  shown  ${shortened(evidence(verdict))}`)
  console.log(`  → npm run fuzz -- --target ${target} --seed ${seed} --path ${path}`)
}

/** The part of what was shown that makes it a finding. */
function evidence({ shown, canaries }: Verdict): string {
  const text = shown.join('\n')
  const signs = [
    ...canaries.map((found) => found.split(' ')[0] ?? ''),
    'internal',
    'Unexpected error',
    '\n    at ',
  ]
  const at = signs.map((sign) => text.indexOf(sign)).find((index) => index >= 0) ?? 0
  return text.slice(Math.max(0, at - 200), at + 600)
}

function shortened(text: string): string {
  return text.length <= 1_000 ? text : `${text.slice(0, 900)} … (${text.length} characters)`
}

function table(rows: readonly Tally[]): string {
  const lines = rows.map((row) => [
    row.target,
    ...[row.mutants, row.exits, row.internal, row.canaries].map(String),
    `${Math.round(row.slowestMs)} ms`,
  ])
  const sum = (key: 'mutants' | 'exits' | 'internal' | 'canaries') =>
    String(rows.reduce((all, row) => all + row[key], 0))
  const all = ['all', sum('mutants'), sum('exits'), sum('internal'), sum('canaries'), '']
  const cells = [['target', 'mutants', 'exits', 'internal', 'canary hits', 'slowest'], ...lines, all]
  const widths =
    cells[0]?.map((_name, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? []
  return cells
    .map(([name = '', ...rest]) =>
      [
        name.padEnd(widths[0] ?? 0),
        ...rest.map((cell, column) => cell.padStart(widths[column + 1] ?? 0)),
      ].join('  '),
    )
    .join('\n')
}
