/**
 * Reads the body of an answer into its members. The shape of the body decides what it is, because many servers send JSON as
 * text or HTML, and form encoding as JSON: a JSON object, a call of JSONP with one, a JSON text that contains one, or
 * form encoding.
 *
 * Pure. A repeated parameter is refused: the first and the last value could be of different people.
 */
import { CatchdError } from '../failures.js'
import { type Members, parseObject } from './json-object.js'

/** Without one of these, a text like `a=b` is form encoding only if its content type says so. */
const KNOWN_PARAMETER = /(?:^|&)(?:access_token|refresh_token|id_token|error|device_code)=/
const FORM_TYPE = /^application\/x-www-form-urlencoded/i
const FORM = /^[\w.%[\]~-]+=/
/** What HTML, JSON and programs have, and form encoding does not. */
const MARKUP = /[<>{}"]/
const JSONP = /^[\w$.]{1,100}\s*\(\s*(\{[\s\S]*\})\s*\)\s*;?$/

/**
 * @returns `undefined` if the body is nothing of this.
 * @throws CatchdError `provider_answer_invalid` if a parameter is repeated
 */
export function parseMembers({
  contentType,
  body,
}: {
  readonly contentType: string
  readonly body: string
}): Members | undefined {
  const text = body.trim() // also a byte order mark
  if (text.startsWith('{')) return parseObject(text)
  if (text.startsWith('"')) return parseObject(textIn(text))
  const called = JSONP.exec(text)?.[1]
  if (called !== undefined) return parseObject(called)
  const isForm = FORM_TYPE.test(contentType) || (KNOWN_PARAMETER.test(text) && !MARKUP.test(text))
  if (!isForm || !FORM.test(text)) return undefined
  const parameters = new URLSearchParams(text)
  if (new Set(parameters.keys()).size !== parameters.size) {
    throw new CatchdError('provider_answer_invalid', 'The answer of the server repeats a parameter.')
  }
  return Object.fromEntries(parameters)
}

/** JSON that was encoded twice. */
function textIn(json: string): string {
  try {
    const text: unknown = JSON.parse(json)
    return typeof text === 'string' ? text : ''
  } catch {
    return ''
  }
}
