/**
 * What to register at the service, beside the form of a profile: the redirect URI, and where to enter it. The daemon
 * says so for what is typed. It also says which fields the preset needs.
 */
import type { RegistrationAnswer } from '../registration-answer.js'
import { call } from './calls.js'
import { byId } from './elements.js'

/** The typed values that decide. */
export interface Asked {
  readonly profile: string
  readonly preset: string
  readonly redirect_uri: string
  readonly extends: string
}

/** Between two keys that are pressed. */
const PAUSE_MS = 150

let latest = 0

/**
 * @param onKnown - Called with what the preset says about the form; `null` without a preset that is known.
 * @param isTyping - More may be typed at once.
 */
export function showRegistration(
  asked: Asked,
  onKnown: (preset: RegistrationAnswer['preset']) => void,
  isTyping: boolean,
): void {
  latest += 1
  const mine = latest
  const askIfLatest = () => {
    if (mine === latest) void ask(asked, mine, onKnown)
  }
  if (isTyping) setTimeout(askIfLatest, PAUSE_MS)
  else askIfLatest()
}

async function ask(asked: Asked, mine: number, onKnown: (preset: RegistrationAnswer['preset']) => void) {
  const query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== ''))
  const answer = await call('GET', `/dashboard/registration?${query}`).catch(() => undefined)
  if (mine !== latest) return
  const known = answer === undefined ? null : ((await answer.json()) as RegistrationAnswer)
  if (known !== null) show(known, asked)
  onKnown(known?.preset ?? null)
}

function show(known: RegistrationAnswer, asked: Asked): void {
  const { redirect_uri: uri, objection, preset } = known
  byId('registration-uri').textContent = uri ?? ''
  byId('registration-copy').hidden = uri === null
  write('registration-how', how(known, asked))
  write('registration-objection', objection ?? '')
  write('registration-where', preset === null ? '' : `${preset.title}: ${preset.register}`)
  const source = byId<HTMLAnchorElement>('registration-source')
  source.hidden = preset === null
  if (preset !== null) source.href = preset.source
}

function how({ named, redirect_uri: uri, objection }: RegistrationAnswer, asked: Asked): string {
  if (objection !== null) return `The settings for this preset: catchd presets ${asked.preset}`
  if (!named) return 'Enter a name to see the redirect URI to register.'
  if (uri !== null) return 'Register this redirect URI at the service, exactly as it is here:'
  return asked.extends === ''
    ? 'No redirect URI has to be registered.'
    : `The redirect URI is inherited from ${asked.extends}.`
}

function write(id: string, text: string): void {
  byId(id).textContent = text
  byId(id).hidden = text === ''
}
