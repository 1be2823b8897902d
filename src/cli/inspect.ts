/** `catchd inspect NAME`: prints the content of a profile's tokens and the server's data about them, never the tokens. */
import type { Command } from '@commander-js/extra-typings'
import type { InspectionAnswer } from '../client/api-types.js'
import type { Context } from './context.js'
import { expiryInWords, facts, printJson, printResult, relative, styled } from './output.js'

/** Claims that are instants in seconds since 1970 (RFC 7519 §4.1, RFC 7662 §2.2, OpenID Connect Core §2). */
const INSTANTS = new Set(['exp', 'iat', 'nbf', 'auth_time', 'updated_at'])

export function define(command: Command, context: Context): void {
  command
    .argument('<name>', 'profile')
    .option('--json', 'print it as JSON')
    .action(async (name, { json }) => {
      const answer = await context.client.inspect(name)
      if (json) return printJson(answer)
      const nowMs = Date.now()
      printResult(styled('bold', `Tokens of ${name}`))
      printResult(facts(tokenFacts(answer, nowMs)))
      const { id_token: idToken, context: beside = {}, left_out: leftOut = [] } = answer
      if (Object.keys(beside).length > 0) section('context', beside, nowMs)
      if (leftOut.length > 0)
        printResult(`${styled('bold', 'too large for the context')}  ${leftOut.join(', ')}`)
      section('id_token', idToken === null ? 'none' : { ...idToken.header, ...idToken.claims }, nowMs)
      section('introspection', contentOf(answer.introspection), nowMs)
      section('userinfo', contentOf(answer.userinfo), nowMs)
    })
}

function tokenFacts(answer: InspectionAnswer, nowMs: number): [string, string][] {
  const { access_token: access, refresh_token: refresh } = answer
  const pairs: [string, string][] = [
    ['issuer', answer.issuer ?? 'unknown: there is no id_token'],
    ['subject', answer.subject ?? 'unknown: there is no id_token'],
    ['client_id', answer.client_id],
    ['scope', access.scope ?? 'unknown: the server does not say'],
    ['type', access.token_type],
    ['obtained', `${relative(access.obtained_at, nowMs)} (${access.obtained_at})`],
    ['expires', expiryInWords(access.expires_at, nowMs)],
  ]
  if (refresh === null) pairs.push(['refresh token', 'none'])
  else if (refresh.refused !== null) pairs.push(['refresh token', `no longer valid: ${refresh.refused}`])
  else pairs.push(['refresh token', expiryInWords(refresh.expires_at, nowMs)])
  return pairs
}

type Content = string | Readonly<Record<string, unknown>>

function contentOf(report: InspectionAnswer['introspection']): Content {
  if (report === null) return 'no known endpoint'
  if (report.answer !== null) return report.answer
  const { code, detail, error } = report.error ?? {}
  return [error, detail ?? code].filter((part) => part != null).join(': ')
}

function section(name: string, content: Content, nowMs: number): void {
  if (typeof content === 'string') {
    printResult(`${styled('bold', name)}  ${content}`)
    return
  }
  printResult(styled('bold', name))
  printResult(facts(Object.entries(content).map(([member, value]) => [member, worded(member, value, nowMs)])))
}

function worded(name: string, value: unknown, nowMs: number): string {
  if (INSTANTS.has(name) && typeof value === 'number' && Math.abs(value) < 8e12) {
    const instant = new Date(value * 1000).toISOString().replace('.000', '')
    return `${relative(instant, nowMs)} (${instant})`
  }
  return typeof value === 'string' ? value : JSON.stringify(value)
}
