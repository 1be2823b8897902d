/** The way to the server: names, certificates, proxies, and endpoints that are none. Pure. */
import { UNKNOWN_AUTHORITY } from '../authorization-server/connection-failure.js'
import { setClockCommand } from './clock.js'
import { type Cause, type Facts, listed, run, set } from './facts.js'

const NO_WAY = new Set(['EAI_AGAIN', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'ETIMEDOUT'])
const CUT = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER'])

export function connectionCauses(facts: Facts): Cause[] {
  const { code, evidence } = facts
  const reason = evidence?.reason ?? ''
  if (code !== 'provider_unreachable') return answerCauses(facts)
  if (UNKNOWN_AUTHORITY.has(reason)) return [...interception(facts), privateCa(facts)]
  if (reason === 'CERT_HAS_EXPIRED' || reason === 'CERT_NOT_YET_VALID') return [certificateTimes(facts)]
  if (reason === 'ERR_TLS_CERT_ALTNAME_INVALID') return [certificateName(facts)]
  if (NO_WAY.has(reason)) return [...proxies(facts), wrongAddress(facts)]
  return CUT.has(reason) ? proxies(facts) : []
}

function privateCa({ profile }: Facts): Cause {
  const detail =
    profile.ca_file === undefined
      ? "The server's certificate is signed by a CA that is not known here, as with private CAs: ask whoever runs the server for its PEM file."
      : `The server's certificate is not signed by the CA in ${profile.ca_file}: it is another one, or an intermediate certificate is missing.`
  return { cause: 'private_ca', detail, fix: set(profile, 'ca_file', 'PATH.pem') }
}

/** Proxies that read along sign certificates of their own. */
function interception({ profile, proxyVariables = [] }: Facts): Cause[] {
  if (proxyVariables.length === 0 || profile.ca_file !== undefined) return []
  return [
    {
      cause: 'proxy',
      detail: `${listed(proxyVariables)} ${isOrAre(proxyVariables)} set: a proxy that reads along shows certificates of its own CA, which then has to be known here.`,
      fix: set(profile, 'ca_file', 'PATH.pem'),
    },
  ]
}

function certificateTimes({ evidence, platform }: Facts): Cause {
  const isOver = evidence?.reason === 'CERT_HAS_EXPIRED'
  return {
    cause: isOver ? 'certificate_expired' : 'clock_skew',
    detail: isOver
      ? "The server's certificate has expired: whoever runs the server has to renew it, unless the date of this machine is wrong."
      : "The server's certificate is not valid yet: the date of this machine is most likely wrong.",
    fix: run(isOver ? 'date -u' : setClockCommand(platform)),
  }
}

function certificateName({ profile }: Facts): Cause {
  return {
    cause: 'certificate_name',
    detail:
      'The certificate is for another name than the one in the endpoint: the endpoint has to use that name.',
    fix: run(`catchd profile edit ${profile.name}`),
  }
}

function wrongAddress({ profile }: Facts): Cause {
  return {
    cause: 'server_unreachable',
    detail:
      'Nobody answers at the address of the server: it is misspelt, the server is down, or this network does not lead there.',
    fix: run(`catchd profile show ${profile.name}`),
  }
}

function proxies({ proxyVariables = [] }: Facts): Cause[] {
  if (proxyVariables.length === 0) return []
  return [
    {
      cause: 'proxy',
      detail: `${listed(proxyVariables)} ${isOrAre(proxyVariables)} set, so that the way to the server may lead through a proxy, or has to lead past it.`,
      fix: run('catchd doctor'),
    },
  ]
}

const isOrAre = (names: readonly string[]) => (names.length === 1 ? 'is' : 'are')

/** Something answered, and not as an endpoint of that kind does. */
function answerCauses(facts: Facts): Cause[] {
  const { profile, preset, metadata, step, httpStatus: status, error } = facts
  if (status === undefined || (step !== 'token_request' && step !== 'refresh') || error !== undefined)
    return []
  if (status === 407 || status === 511) {
    return [
      {
        cause: 'proxy',
        detail: `A proxy on the way answered ${status}: it wants to know who asks.`,
        fix: run('catchd doctor'),
      },
    ]
  }
  if (status >= 500) {
    return [
      {
        cause: 'server_trouble',
        detail: `The server answered ${status}: it has trouble of its own, and a code is good once, so log in again later.`,
        fix: run(`catchd login ${profile.name}`),
      },
    ]
  }
  if (status === 415) {
    const other = profile.token_request_format === 'form' ? 'json' : 'form'
    return [
      {
        cause: 'request_format',
        detail: `The token endpoint does not take ${profile.token_request_format === 'form' ? 'form parameters' : 'JSON'} (415).`,
        fix: set(profile, 'token_request_format', preset?.profile.token_request_format ?? other),
      },
    ]
  }
  if (status !== 404 && status !== 405) return []
  const published = metadata?.token_endpoint
  const isOther =
    published !== undefined && profile.token_endpoint !== undefined && published !== profile.token_endpoint
  return [
    {
      cause: 'endpoint_wrong',
      detail: `There is no token endpoint at this address (${status})${isOther ? `; the server publishes ${listed([published])}` : ''}.`,
      fix: isOther ? set(profile, 'token_endpoint', published) : run(`catchd profile edit ${profile.name}`),
    },
  ]
}
