/** `catchd doctor`: what is wrong here, and one command for each thing that puts it right. */
import type { Command } from 'commander'
import { examine } from '../doctor/examine.js'
import { exitCodeOf, type Finding } from '../doctor/finding.js'
import { thisMachine } from '../doctor/machine.js'
import { printJson, printResult, type Style, styled } from './output.js'
import { printable } from './printable.js'

const STYLES: Readonly<Record<Finding['status'], Style>> = { ok: 'green', warn: 'yellow', fail: 'red' }

export function defineDoctor(command: Command): void {
  command
    .argument('[name]', 'a profile, whose authorization server is asked and whose tokens are looked at, too')
    .option('--json', 'print the checks as JSON')
    .action((name: string | undefined, options: { json?: true }) => doctor(name, options))
}

async function doctor(name: string | undefined, options: { readonly json?: true }): Promise<void> {
  const findings = await examine(thisMachine(), name)
  if (options.json) {
    printJson(findings.map(({ check, status, detail, next }) => ({ check, status, detail, next })))
  } else {
    printResult(report(findings))
  }
  process.exitCode = exitCodeOf(findings)
}

function report(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const lines = findings.flatMap(({ check, status, detail, next }) => {
    const line = `${styled(STYLES[status], status.padEnd(4))}  ${check.padEnd(width)}  ${printable(detail)}`
    return next === null ? [line] : [line, `${' '.repeat(width + 8)}→ ${printable(next)}`]
  })
  return [...lines, '', summary(findings)].join('\n')
}

function summary(findings: readonly Finding[]): string {
  const count = (status: Finding['status']) => findings.filter((finding) => finding.status === status).length
  const [failures, warnings] = [count('fail'), count('warn')]
  if (failures + warnings === 0) return 'Everything is in order.'
  const parts = [
    failures === 0 ? 'Nothing failed' : `${failures} failed`,
    ...(warnings === 0 ? [] : [`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`]),
  ]
  return `${parts.join(', ')}.`
}
