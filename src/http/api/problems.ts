/**
 * Refusals of the API as problem details (RFC 9457).
 *
 * An error of Fastify, a parser or a schema becomes `request_invalid` with the place and the rule, never the value: the
 * value may be a secret in the wrong place.
 */
import type { FastifyReply } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { asCatchdError, CatchdError, toProblem } from '../../failures.js'
import { ANSWER_HEADERS } from '../http-listener.js'

/** More about a refusal than its failure says. */
export interface ProblemExtras {
  /** If HTTP has a better status than the catalogue: 405, 413, 415. */
  readonly status?: number | undefined
  /** Value of the Allow header of a 405. */
  readonly allow?: string | undefined
  /** Extension members (RFC 9457 §3.2). */
  readonly members?: Readonly<Record<string, unknown>> | undefined
}

export class Refusal extends Error {
  readonly failure: CatchdError
  readonly extras: ProblemExtras

  constructor(failure: CatchdError, extras: ProblemExtras) {
    super(failure.message)
    this.failure = failure
    this.extras = extras
  }
}

export function sendProblem(
  reply: FastifyReply,
  { failure, extras: { status = failure.status, allow, members } }: Refusal,
): FastifyReply {
  if (failure.code === 'unauthorized') reply.header('www-authenticate', 'Bearer')
  if (allow !== undefined) reply.header('allow', allow)
  const body = { ...toProblem(failure), status, ...members }
  // As bytes: for a string Fastify would add a charset, which JSON does not have (RFC 8259 §11).
  return reply
    .headers(ANSWER_HEADERS)
    .code(status)
    .header('content-type', 'application/problem+json')
    .send(Buffer.from(JSON.stringify(body)))
}

/** The answer to anything that was thrown. */
export function asRefusal(thrown: unknown): Refusal {
  if (thrown instanceof Refusal) return thrown
  if (thrown instanceof CatchdError) return new Refusal(thrown, {})
  if (hasZodFastifySchemaValidationErrors(thrown)) {
    const errors = errorsOf(thrown)
    const rules = errors.map(
      ({ in: place, name, detail }) => `${name ? `${place}.${name}` : place}: ${detail}.`,
    )
    return new Refusal(new CatchdError('request_invalid', rules.join(' ')), { members: { errors } })
  }
  const status = thrown instanceof Error && 'statusCode' in thrown ? Number(thrown.statusCode) : 500
  if (status >= 400 && status < 500) {
    return new Refusal(new CatchdError('request_invalid', ruleOfStatus(status)), { status })
  }
  return new Refusal(asCatchdError(thrown), {})
}

function ruleOfStatus(status: number): string {
  if (status === 413) return 'The body is longer than 16 KiB.'
  if (status === 415) return 'A body must be JSON, sent as `Content-Type: application/json`.'
  return 'The request could not be read: its path must be valid, and a body must be one JSON object.'
}

type ValidationFailure = Parameters<typeof hasZodFastifySchemaValidationErrors>[0] & {
  readonly validation: readonly Issue[]
  readonly validationContext?: string | undefined
}
interface Issue {
  readonly keyword: string
  readonly instancePath: string
  readonly message?: string
  readonly params: Readonly<Record<string, unknown>>
}

const MOST_ISSUES = 5

const PLACES: Readonly<Record<string, string>> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
}

/** For programs: where each mistake is, and its rule (as in the example of RFC 9457 §3). */
function errorsOf({ validation, validationContext = 'body' }: ValidationFailure) {
  const place = PLACES[validationContext] ?? 'request'
  const errors = new Map<string, { in: string; name: string; detail: string }>()
  for (const issue of validation) {
    const name = pathOf(issue).join('.')
    // Several checks of one value may share their rule.
    errors.set(`${name} ${ruleOf(issue)}`, { in: place, name, detail: ruleOf(issue) })
  }
  return [...errors.values()].slice(0, MOST_ISSUES)
}

function pathOf({ instancePath }: Issue): string[] {
  return instancePath
    .split('/')
    .filter((step) => step !== '')
    .map(nameOf)
}

function ruleOf({ keyword, message, params }: Issue): string {
  if (keyword !== 'unrecognized_keys') return message ?? 'not valid'
  const names = Array.isArray(params['keys']) ? params['keys'].map(String) : []
  return `unknown: ${names.slice(0, MOST_ISSUES).map(nameOf).join(', ')}`
}

/** Member names come from the request too. A name that looks like something else (a key, a token) is not repeated. */
function nameOf(name: string): string {
  return /^[a-z0-9$_-]{1,40}$/i.test(name) ? name : '…'
}
