/** `catchd doctor`: finds problems on this machine, and prints one command to fix each. */
import { type Command, Help } from '@commander-js/extra-typings'
import { examine } from '../doctor/examine.js'
import { exitCodeOf, type Finding } from '../doctor/finding.js'
import { thisMachine } from '../doctor/machine.js'
import { examineService } from '../doctor/service.js'
import { printable } from '../text/printable.js'
import type { Context } from './context.js'
import { printJson, printResult, type Style, styled } from './output.js'
import { servicePlan } from './service.js'
import { restartCommand } from './settings-note.js'

const STYLES: Readonly<Record<Finding['status'], Style>> = { ok: 'green', warn: 'yellow', fail: 'red' }

export function define(command: Command, context: Context): void {
  command
    .argument('[name]', 'profile whose authorization server and tokens are checked as well')
    .option('--json', 'print the checks as JSON')
    .action(async (name, { json }) => {
      const findings = await examine(thisMachine(), name, {
        service: await serviceCheck(context),
        restart: await restartCommand(context),
      })
      if (json)
        printJson(findings.map(({ check, status, detail, next }) => ({ check, status, detail, next })))
      else printResult(report(findings))
      process.exitCode = exitCodeOf(findings)
    })
}

async function serviceCheck(context: Context): Promise<(() => Promise<Finding>) | undefined> {
  try {
    const plan = await servicePlan(context)
    return () => examineService(plan, [process.execPath, context.mainFile])
  } catch {
    return undefined // another check reports the problem with the environment
  }
}

function report(findings: readonly Finding[]): string[] {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const lines = findings.flatMap(({ check, status, detail, next }) => {
    const margin = ' '.repeat(width + 8)
    const [first, ...more] = wrapped(printable(detail), width + 8)
    const line = `${styled(STYLES[status], status.padEnd(4))}  ${check.padEnd(width)}  ${first}`
    const advice = next === null ? [] : [`→ ${next}`]
    return [line, ...[...more, ...advice].map((text) => margin + text)]
  })
  return [...lines, '', summary(findings)]
}

/** Breaks the text between words into lines that fit on the terminal beside the margin. A pipe gets one line. */
function wrapped(text: string, margin: number): string[] {
  if (!process.stdout.isTTY) return [text]
  const width = Math.max(30, (process.stdout.columns || 80) - margin)
  return Object.assign(new Help(), { minWidthToWrap: 30 }).boxWrap(text, width).split('\n')
}

function summary(findings: readonly Finding[]): string {
  const count = (status: Finding['status']) => findings.filter((finding) => finding.status === status).length
  const [failures, warnings] = [count('fail'), count('warn')]
  if (failures + warnings === 0) return 'No problems found.'
  const parts = [
    failures === 0 ? 'Nothing failed' : `${failures} failed`,
    ...(warnings === 0 ? [] : [`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`]),
  ]
  return `${parts.join(', ')}.`
}
