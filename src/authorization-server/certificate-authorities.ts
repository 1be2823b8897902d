/**
 * Whose certificates are believed: the CAs that Node knows, those of the system, and for a profile with `ca_file`
 * that one too.
 *
 * `ca_file` adds and never replaces, so that one profile may reach a private gateway and a public server. There
 * is no switch that turns verification off, and NODE_TLS_REJECT_UNAUTHORIZED=0 does not do it either.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import tls from 'node:tls'
import { CatchdError } from '../failures.js'
import { SystemAuthorities } from './system-authorities.js'

/** An agent holds some 150 parsed certificates. */
const MOST_AGENTS = 64

/**
 * What one address of a name gets before the next is tried (RFC 8305). Node's own 250 ms are less than a far server
 * needs, which then counts as dead; the last address has no such limit.
 */
export const ADDRESS_ATTEMPT_MS = 1_000

export const EITHER_FAMILY = {
  autoSelectFamily: true,
  autoSelectFamilyAttemptTimeout: ADDRESS_ATTEMPT_MS,
} as const

interface Trusting {
  /** What it was made of; anything else makes a new one. */
  readonly pem: string | undefined
  readonly system: readonly string[]
  readonly agent: Agent
}

export class CertificateAuthorities {
  readonly #system: SystemAuthorities
  /** By path, the one used longest ago first; '' for profiles without `ca_file`. None is made before it is needed. */
  readonly #agents = new Map<string, Trusting>()

  constructor(env: NodeJS.ProcessEnv = process.env, system = new SystemAuthorities(env)) {
    this.#system = system
  }

  /**
   * @param clientCertificate - Presented by this agent, which is then made for one exchange: a key is not kept.
   * @throws CatchdError `profile_invalid` when `ca_file` cannot be read or holds no certificate
   */
  async agentFor(
    caFile: string | undefined,
    clientCertificate?: { readonly cert: string; readonly key: string },
  ): Promise<Agent> {
    const pem = caFile === undefined ? undefined : await readCertificates(caFile)
    const system = await this.#system.certificates()
    if (clientCertificate !== undefined) return agentTrusting(pem, system, clientCertificate)
    const path = caFile ?? ''
    const known = this.#agents.get(path)
    const made =
      known?.pem === pem && known?.system === system
        ? known
        : { pem, system, agent: agentTrusting(pem, system) }
    this.#agents.delete(path)
    this.#agents.set(path, made)
    for (const longest of this.#agents.keys()) {
      if (this.#agents.size <= MOST_AGENTS) break
      this.#agents.delete(longest)
    }
    return made.agent
  }
}

/** One secure context for all connections of an agent: parsing the CAs takes some 10 ms. */
function agentTrusting(
  pem: string | undefined,
  system: readonly string[],
  clientCertificate?: { readonly cert: string; readonly key: string },
): Agent {
  const more = pem === undefined ? system : [...system, pem]
  const authorities = more.length === 0 ? {} : { ca: [...knownToNode(), ...more] }
  const secureContext = tls.createSecureContext({ ...authorities, ...clientCertificate })
  return new Agent({ keepAlive: false, rejectUnauthorized: true, secureContext, ...EITHER_FAMILY })
}

/** `ca` replaces what Node would use by default, so that is repeated: NODE_EXTRA_CA_CERTS, --use-system-ca. */
function knownToNode(): readonly string[] {
  // Since Node 22.15.
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] }
  if (getCACertificates !== undefined) return getCACertificates('default')
  const extra = process.env['NODE_EXTRA_CA_CERTS']
  if (extra === undefined || extra === '') return tls.rootCertificates
  try {
    return [...tls.rootCertificates, readFileSync(extra, 'utf8')]
  } catch {
    // Node has warned about it at its start and goes on without.
    return tls.rootCertificates
  }
}

async function readCertificates(caFile: string): Promise<string> {
  let pem: string
  try {
    pem = await readFile(caFile, 'utf8')
  } catch (error) {
    throw unusable(caFile, `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`)
  }
  try {
    new X509Certificate(pem) // node:tls passes over what is no certificate, and every connection would fail.
  } catch {
    throw unusable(caFile, 'holds no certificate in PEM form')
  }
  return pem
}

function unusable(caFile: string, why: string): CatchdError {
  return new CatchdError('profile_invalid', `ca_file ${caFile} ${why}.`)
}
