/**
 * The trusted CAs: those of Node, those of the system, and for a profile with `ca_file` also that one.
 *
 * `ca_file` adds a CA and never replaces the others, so one profile can reach a private gateway and a public server. As
 * for curl, any trusted certificate ends a chain: also an intermediate CA, or the certificate of the server itself.
 * Verification cannot be turned off, not even with NODE_TLS_REJECT_UNAUTHORIZED=0.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent } from 'node:https'
import tls from 'node:tls'
import { CatchdError } from '../failures.js'
import { CERTIFICATE_FILE, readNamedFile } from '../files/named-file.js'
import { RecentMap } from './recent-map.js'
import { SystemAuthorities } from './system-authorities.js'

/** An agent keeps about 150 parsed certificates. */
const MOST_AGENTS = 64

/**
 * One address of a name is tried for one second before the next (RFC 8305). Node's default of 250 ms is too short for a distant
 * server, which would then count as unreachable. The last address has no such limit.
 */
export const EITHER_FAMILY = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 1_000 } as const

interface Trusting {
  /** The CAs the agent was made with. If they change, a new agent is made. */
  readonly pem: string | undefined
  readonly system: readonly string[]
  readonly agent: Agent
}

export class CertificateAuthorities {
  readonly #system: SystemAuthorities
  /** By path; '' for profiles without `ca_file`. Agents are made when first needed. */
  readonly #agents = new RecentMap<Trusting>(MOST_AGENTS)

  constructor(env: NodeJS.ProcessEnv) {
    this.#system = new SystemAuthorities(env)
  }

  /**
   * @param clientCertificate - The client certificate of the agent. Such an agent is used for one exchange only, so that
   *   the key is not kept in memory.
   * @throws CatchdError `profile_invalid` if `ca_file` cannot be read or contains no certificate
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
    this.#agents.set(path, made)
    return made.agent
  }
}

/** One secure context for all connections of an agent, because parsing the CAs takes about 10 ms. */
function agentTrusting(
  pem: string | undefined,
  system: readonly string[],
  clientCertificate?: { readonly cert: string; readonly key: string },
): Agent {
  const more = pem === undefined ? system : [...system, pem]
  const authorities = more.length === 0 ? {} : { ca: [...knownToNode(), ...more] }
  const secureContext = tls.createSecureContext({
    allowPartialTrustChain: true,
    ...authorities,
    ...clientCertificate,
  })
  return new Agent({ keepAlive: false, rejectUnauthorized: true, secureContext, ...EITHER_FAMILY })
}

/** The option `ca` replaces Node's default CAs, so these are added again: NODE_EXTRA_CA_CERTS, --use-system-ca. */
function knownToNode(): readonly string[] {
  // Since Node 22.15.
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] }
  if (getCACertificates !== undefined) return getCACertificates('default')
  const extra = process.env['NODE_EXTRA_CA_CERTS']
  if (extra === undefined || extra === '') return tls.rootCertificates
  try {
    return [...tls.rootCertificates, readFileSync(extra, 'utf8')]
  } catch {
    // Node has already warned about this file and ignores it.
    return tls.rootCertificates
  }
}

async function readCertificates(caFile: string): Promise<string> {
  const content = await readNamedFile(caFile, CERTIFICATE_FILE, ({ cause, fix }) =>
    unusable(caFile, cause, fix),
  )
  try {
    // Without a byte order mark, which editors of Windows write.
    const pem = content.includes('-----BEGIN') ? content.toString('utf8').replace(/^\uFEFF/, '') : undefined
    // node:tls ignores an invalid certificate, and every connection would then fail.
    const first = new X509Certificate(pem ?? content)
    // Browsers and Windows export DER, which holds one certificate. node:tls takes PEM alone.
    return pem ?? first.toString()
  } catch {
    throw unusable(caFile, 'contains no certificate in the format PEM or DER.')
  }
}

function unusable(caFile: string, why: string, next?: string): CatchdError {
  return new CatchdError('profile_invalid', { detail: `ca_file ${caFile} ${why}`, next })
}
