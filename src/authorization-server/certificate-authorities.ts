/**
 * Whose certificates are believed: the CAs that Node knows, and for a profile with `ca_file` that one too.
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

/** An agent holds some 150 parsed certificates. */
const MOST_AGENTS = 64

export class CertificateAuthorities {
  /** Made when it is needed first: a daemon that starts reaches for no server yet. */
  #default: Agent | undefined
  /** By path, the one used longest ago first; a file that changed gets a new agent. */
  readonly #byFile = new Map<string, { readonly pem: string; readonly agent: Agent }>()

  /**
   * @param clientCertificate - Presented by this agent, which is then made for one exchange: a key is not kept.
   * @throws CatchdError `profile_invalid` when `ca_file` cannot be read or holds no certificate
   */
  async agentFor(
    caFile: string | undefined,
    clientCertificate?: { readonly cert: string; readonly key: string },
  ): Promise<Agent> {
    if (caFile === undefined && clientCertificate === undefined) {
      this.#default ??= agentTrusting(undefined)
      return this.#default
    }
    const pem = caFile === undefined ? undefined : await readCertificates(caFile)
    if (caFile === undefined || pem === undefined || clientCertificate !== undefined) {
      return agentTrusting(pem, clientCertificate)
    }
    const known = this.#byFile.get(caFile)
    const agent = known?.pem === pem ? known.agent : agentTrusting(pem)
    this.#byFile.delete(caFile)
    this.#byFile.set(caFile, { pem, agent })
    for (const longest of this.#byFile.keys()) {
      if (this.#byFile.size <= MOST_AGENTS) break
      this.#byFile.delete(longest)
    }
    return agent
  }

  /** Also ends the exchanges under way. */
  close(): void {
    this.#default?.destroy()
    for (const { agent } of this.#byFile.values()) agent.destroy()
  }
}

/** One secure context for all connections of an agent: parsing the CAs takes some 10 ms. */
function agentTrusting(
  pem: string | undefined,
  clientCertificate?: { readonly cert: string; readonly key: string },
): Agent {
  const authorities = pem === undefined ? {} : { ca: [...knownToNode(), pem] }
  const secureContext = tls.createSecureContext({ ...authorities, ...clientCertificate })
  return new Agent({ keepAlive: false, rejectUnauthorized: true, secureContext })
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
