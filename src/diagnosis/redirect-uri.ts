/**
 * Causes at the redirect URI. Servers compare it as a string (RFC 9700 §2.1); those that follow RFC 8252 §7.3 ignore
 * the port. Servers also differ in which of `localhost`, `127.0.0.1` and `[::1]` they accept. Pure.
 */
import { usesRedirectUri } from '../config/grants.js'
import { redirectObjection, registeredRedirectUri, withoutPort } from '../config/presets/registration.js'
import type { Preset } from '../config/presets.js'
import { type Cause, causesOf, type Facts, register, run, set, words } from './facts.js'

/** Servers' words for it: RFC 6749, Google, Entra (AADSTS50011, AADSTS500113, AADSTS900971), Okta, Auth0, Slack, GitHub. */
const WORDS =
  /redirect[_ -]?ur[il]|callback[_ -]?ur[il]|reply[_ -]?(?:ur[il]|address)|bad_redirect|invalid[_ ]redirect|AADSTS(?:50011|500113|500112|900971)\b/i

export function redirectUriCauses(facts: Facts): readonly Cause[] {
  switch (facts.step) {
    case 'no_response':
      return causesOf(facts, wrongHost, unregistered, clientUnknown, browserElsewhere)
    case 'authorization':
    case 'token_request':
      return WORDS.test(words(facts)) ? causesOf(facts, wrongHost, portPerLogin, unregistered) : []
    default:
      return []
  }
}

/** The host differs from the one the preset's server expects. Known before anything was sent. */
export function wrongHost({ profile, preset, redirectUri }: Facts): Cause | undefined {
  if (preset === undefined || !usesRedirectUri(profile)) return undefined
  const { protocol, hostname, port, pathname } = new URL(redirectUri)
  const wanted = hostWanted(preset)
  if (protocol !== 'http:' || !LOOPBACK.includes(hostname) || wanted === undefined || wanted === hostname) {
    return undefined
  }
  const detail =
    redirectObjection(preset, redirectUri) ??
    `${preset.title} expects a redirect URI with http://${wanted}, but this one starts with http://${hostname}. The server treats them as different.`
  return {
    cause: 'redirect_uri_host',
    detail,
    fix: set(profile, 'redirect_uri', `http://${wanted}${port === '' ? '' : `:${port}`}${pathname}`),
  }
}

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']

/** @returns `undefined` if the server accepts no loopback host. The preset then stops a login before a browser opens. */
function hostWanted({ profile, redirect }: Preset): string | undefined {
  const own = profile.redirect_uri
  if (own !== undefined) return new URL(own.replace('{port}', '1')).hostname
  if (redirect.refuses === undefined) return undefined
  return LOOPBACK.find((host) => !(redirect.refuses as readonly string[]).includes(host))
}

/** A new port for each login cannot work with a server that compares ports. */
function portPerLogin({ profile, preset }: Facts): Cause | undefined {
  const url = new URL(profile.redirect_uri)
  if (url.port !== '0' || (preset !== undefined && preset.redirect.match !== 'exact')) return undefined
  url.port = '8252'
  return {
    cause: 'redirect_uri_port',
    detail:
      'redirect_uri has port 0, which means a new port for each login, but this server seems to compare the port too.',
    fix: set(profile, 'redirect_uri', url.href),
  }
}

function unregistered({ profile, preset, redirectUri, step }: Facts): Cause {
  const name = profile.authorization_redirect_uri
  if (name !== undefined && step !== 'no_response') {
    return {
      cause: 'redirect_uri_mismatch',
      detail: `The server does not know ${name} (authorization_redirect_uri) for client ${profile.client_id}. It must be exactly the name that the server gave to the redirect URI.`,
      fix: register(redirectUri),
    }
  }
  const hasAnyPort =
    new URL(profile.redirect_uri).port === '0' && (preset?.redirect.match ?? 'exact') === 'exact'
  const value = hasAnyPort
    ? withoutPort(redirectUri)
    : ((preset && registeredRedirectUri(preset, redirectUri)) ?? redirectUri)
  const needsNoEntry = preset?.redirect.match === 'unregistered' && value === redirectUri
  const client = `client ${profile.client_id}`
  const why =
    step === 'no_response'
      ? `No response arrived at ${redirectUri}. If the browser shows an error page of the server, ${needsNoEntry ? `${client} is probably of the wrong kind` : `this redirect URI is probably not registered for ${client}`}.`
      : `${redirectUri} is not registered for ${client}. The registered value must be exactly the same: scheme, host, port, path and a slash at the end.`
  return {
    cause: 'redirect_uri_mismatch',
    detail: [
      why,
      ...(preset === undefined ? [] : [whereToRegister(preset, needsNoEntry)]),
      ...(hasAnyPort ? [ANY_PORT] : []),
    ].join(' '),
    fix: register(value),
  }
}

const ANY_PORT =
  'Each login has a new port, because the port of the redirect URI is 0. The server must accept any port (RFC 8252 §7.3). If it does not, set redirect_uri with a fixed port.'

function whereToRegister({ title, register: how }: Preset, needsNoEntry: boolean): string {
  return needsNoEntry
    ? `${title} accepts this redirect URI without registration, if the client is of the right kind: ${how} A client of another kind needs it registered.`
    : `${title}: ${how}`
}

function clientUnknown({ profile }: Facts): Cause {
  return {
    cause: 'client_unknown',
    detail: `The server also shows an error page if it does not know the client_id ${profile.client_id}.`,
    fix: run(`catchd profile show ${profile.name}`),
  }
}

function browserElsewhere({ profile }: Facts): Cause {
  return {
    cause: 'browser_elsewhere',
    detail:
      'If the browser runs on another machine, it cannot reach this redirect URI. Paste the final URL from its address bar.',
    fix: run(`catchd login ${profile.name} --paste`),
  }
}
