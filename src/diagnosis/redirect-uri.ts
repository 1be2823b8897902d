/**
 * The redirect URI: compared by servers as a string (RFC 9700 §2.1), except for the port where they follow RFC 8252
 * §7.3; and of `localhost`, `127.0.0.1` and `[::1]` some take one, some another. Pure.
 */
import { usesRedirectUri } from '../config/grants.js'
import { redirectObjection, registeredRedirectUri } from '../config/presets/registration.js'
import type { Preset } from '../config/presets.js'
import { type Cause, type Facts, register, run, set, words } from './facts.js'

/** What servers call it: RFC 6749, Google, Entra (AADSTS50011, AADSTS500113, AADSTS900971), Okta, Auth0, Slack, GitHub. */
const WORDS =
  /redirect[_ -]?ur[il]|callback[_ -]?ur[il]|reply[_ -]?(?:ur[il]|address)|bad_redirect|invalid[_ ]redirect|AADSTS(?:50011|500113|500112|900971)\b/i

export function redirectUriCauses(facts: Facts): Cause[] {
  switch (facts.step) {
    case 'no_response':
      return [...hostCauses(facts), unregistered(facts), clientUnknown(facts), browserElsewhere(facts)]
    case 'authorization':
    case 'token_request':
      return WORDS.test(words(facts)) ? [...hostCauses(facts), ...portCauses(facts), unregistered(facts)] : []
    default:
      return []
  }
}

/** The host that the preset's server wants, known before anything was sent. */
export function hostCauses({ profile, preset, redirectUri }: Facts): Cause[] {
  if (preset === undefined || !usesRedirectUri(profile)) return []
  const { protocol, hostname, port, pathname } = new URL(redirectUri)
  const wanted = hostWanted(preset)
  if (protocol !== 'http:' || !LOOPBACK.includes(hostname) || wanted === undefined || wanted === hostname) {
    return []
  }
  const detail =
    redirectObjection(preset, redirectUri) ??
    `${preset.title} registers http://${wanted} for this machine, and the redirect URI begins with http://${hostname}: the two are different to it.`
  return [
    {
      cause: 'redirect_uri_host',
      detail,
      fix: set(profile, 'redirect_uri', `http://${wanted}${port === '' ? '' : `:${port}`}${pathname}`),
    },
  ]
}

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']

/** `undefined` where loopback is not taken at all: a preset's objection speaks of that before a browser opens. */
function hostWanted({ profile, redirect }: Preset): string | undefined {
  const own = profile.redirect_uri
  if (own !== undefined) return new URL(own.replace('{port}', '1')).hostname
  if (redirect.refuses === undefined) return undefined
  return LOOPBACK.find((host) => !(redirect.refuses as readonly string[]).includes(host))
}

/** A fresh port per login can be registered at no server that compares ports. */
function portCauses({ profile, preset }: Facts): Cause[] {
  const url = new URL(profile.redirect_uri)
  if (url.port !== '0' || (preset !== undefined && preset.redirect.match !== 'exact')) return []
  url.port = '8252'
  return [
    {
      cause: 'redirect_uri_port',
      detail:
        'redirect_uri has port 0, a fresh one for each login, and this server seems to compare the port as well.',
      fix: set(profile, 'redirect_uri', url.href),
    },
  ]
}

function unregistered({ profile, preset, redirectUri, step }: Facts): Cause {
  const value = (preset && registeredRedirectUri(preset, redirectUri)) ?? redirectUri
  const needsNoEntry = preset?.redirect.match === 'unregistered' && value === redirectUri
  const client = `client ${profile.client_id}`
  const why =
    step === 'no_response'
      ? `No response came to ${redirectUri}. A server that does not know this redirect URI for ${client} shows an error in the browser and sends nobody back (RFC 6749 §4.1.2.1).`
      : `${redirectUri} is not registered for ${client}, letter by letter: scheme, host, port, path and a slash at the end all count.`
  const hint = needsNoEntry
    ? ` ${preset.title} asks for no entry from the right kind of client: ${preset.register}`
    : ''
  return { cause: 'redirect_uri_mismatch', detail: `${why}${hint}`, fix: register(value) }
}

function clientUnknown({ profile }: Facts): Cause {
  return {
    cause: 'client_unknown',
    detail: `The same happens when the server does not know the client_id ${profile.client_id}.`,
    fix: run(`catchd profile show ${profile.name}`),
  }
}

function browserElsewhere({ profile }: Facts): Cause {
  return {
    cause: 'browser_elsewhere',
    detail:
      'A browser on another machine cannot reach the redirect URI of this one: paste back the URL that it ends on.',
    fix: run(`catchd login ${profile.name} --paste`),
  }
}
