/** Causes at the connection to the server: names, certificates, proxies and wrong endpoints. Pure. */
import { UNKNOWN_AUTHORITY } from '../authorization-server/connection-failure.js'
import { setClockCommand } from './clock.js'
import { type Cause, causesOf, type Facts, listed, run, set } from './facts.js'

const NO_WAY = new Set(['EAI_AGAIN', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'ETIMEDOUT'])
const CUT = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER'])

export function connectionCauses(facts: Facts): readonly Cause[] {
  const { code, evidence } = facts
  const reason = evidence?.reason ?? ''
  if (code !== 'provider_unreachable') return causesOf(facts, unusualAnswer)
  if (UNKNOWN_AUTHORITY.has(reason)) return causesOf(facts, interception, privateCa)
  if (reason === 'CERT_HAS_EXPIRED' || reason === 'CERT_NOT_YET_VALID') return [certificateTimes(facts)]
  if (reason === 'ERR_TLS_CERT_ALTNAME_INVALID') return [certificateName(facts)]
  if (NO_WAY.has(reason)) return causesOf(facts, proxyInUse, wrongAddress)
  return CUT.has(reason) ? causesOf(facts, proxyInUse) : []
}

function privateCa({ profile }: Facts): Cause {
  const detail =
    profile.ca_file === undefined
      ? "The server's certificate is signed by a CA that this machine does not know, for example a private CA. Ask the server's administrator for the CA's PEM file."
      : `The server's certificate is not signed by the CA in ${profile.ca_file}: another CA signed it, or an intermediate certificate is missing. ca_file can also be that intermediate certificate, or the server's own.`
  return { cause: 'private_ca', detail, fix: set(profile, 'ca_file', 'PATH.pem') }
}

/** A proxy that inspects TLS signs certificates with its own CA. */
function interception({ profile, proxyVariables = [] }: Facts): Cause | undefined {
  if (proxyVariables.length === 0 || profile.ca_file !== undefined) return undefined
  return {
    cause: 'proxy',
    detail: `${listed(proxyVariables)} ${isOrAre(proxyVariables)} set. A proxy that inspects TLS uses certificates of its own CA, and catchd has to know that CA.`,
    fix: set(profile, 'ca_file', 'PATH.pem'),
  }
}

function certificateTimes({ evidence, platform }: Facts): Cause {
  const isOver = evidence?.reason === 'CERT_HAS_EXPIRED'
  return {
    cause: isOver ? 'certificate_expired' : 'clock_skew',
    detail: isOver
      ? "The server's certificate has expired. The server's administrator has to renew it, unless the date of this machine is wrong."
      : "The server's certificate is not valid yet. The date of this machine is probably wrong.",
    fix: run(isOver ? 'date -u' : setClockCommand(platform)),
  }
}

function certificateName({ profile }: Facts): Cause {
  return {
    cause: 'certificate_name',
    detail:
      "The server's certificate is for another host name than the endpoint's. Use the certificate's name in the endpoint.",
    fix: run(`catchd profile edit ${profile.name}`),
  }
}

function wrongAddress({ profile }: Facts): Cause {
  return {
    cause: 'server_unreachable',
    detail:
      "Nothing answers at the server's address: the address is misspelt, the server is down, or this network cannot reach it.",
    fix: run(`catchd profile show ${profile.name}`),
  }
}

function proxyInUse({ proxyVariables = [] }: Facts): Cause | undefined {
  if (proxyVariables.length === 0) return undefined
  return {
    cause: 'proxy',
    detail: `${listed(proxyVariables)} ${isOrAre(proxyVariables)} set, so catchd may connect through a proxy that does not reach this server. The server may have to be in NO_PROXY.`,
    fix: run('catchd doctor'),
  }
}

const isOrAre = (names: readonly string[]) => (names.length === 1 ? 'is' : 'are')

/** Something answered, but not as a token endpoint answers. */
function unusualAnswer(facts: Facts): Cause | undefined {
  const { profile, preset, metadata, step, httpStatus: status, error } = facts
  if (status === undefined || (step !== 'token_request' && step !== 'refresh') || error !== undefined)
    return undefined
  if (status === 407 || status === 511) {
    return {
      cause: 'proxy',
      detail: `A proxy answered ${status}: it requires authentication.`,
      fix: run('catchd doctor'),
    }
  }
  if (status >= 500) {
    return {
      cause: 'server_trouble',
      detail: `The server answered ${status}: it has an internal error. An authorization code works only once, so log in again later.`,
      fix: run(`catchd login ${profile.name}`),
    }
  }
  if (status === 415) {
    const other = profile.token_request_format === 'form' ? 'json' : 'form'
    return {
      cause: 'request_format',
      detail: `The token endpoint does not accept ${profile.token_request_format === 'form' ? 'form parameters' : 'JSON'} (415).`,
      fix: set(profile, 'token_request_format', preset?.profile.token_request_format ?? other),
    }
  }
  if (status !== 404 && status !== 405) return undefined
  const published = metadata?.token_endpoint
  const isOther =
    published !== undefined && profile.token_endpoint !== undefined && published !== profile.token_endpoint
  return {
    cause: 'endpoint_wrong',
    detail: `There is no token endpoint at this address (${status})${isOther ? `; the server publishes ${listed([published])}` : ''}.`,
    fix: isOther ? set(profile, 'token_endpoint', published) : run(`catchd profile edit ${profile.name}`),
  }
}
