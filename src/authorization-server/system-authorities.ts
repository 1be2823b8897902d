/**
 * The CAs of the operating system, where a company puts its own: Node 20 does not look there by itself.
 *
 * Read when a connection needs them first, and again when the file has changed; a daemon lives for weeks. They are
 * added to what Node knows, never instead of it, and a system without such a place is no failure.
 */
import { readFile, stat } from 'node:fs/promises'
import tls from 'node:tls'

/** Where distributions keep all their CAs in one file, in the order that Go's crypto/x509 tries them. */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Ubuntu, Arch, Gentoo
  '/etc/pki/tls/certs/ca-bundle.crt', // Fedora, RHEL
  '/etc/ssl/ca-bundle.pem', // openSUSE
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem', // Alpine, BSD
] as const

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

export class SystemAuthorities {
  readonly #paths: readonly string[]
  #read: { readonly version: string; readonly certificates: readonly string[] } | undefined

  /** @param env - `SSL_CERT_FILE` names another bundle, as OpenSSL has it. */
  constructor(env: NodeJS.ProcessEnv, bundles: readonly string[] = bundlesOf(process.platform)) {
    const named = env['SSL_CERT_FILE']
    this.#paths = named ? [named] : bundles
  }

  /** @returns PEM of those that Node does not know by itself; the same array until something changed. */
  async certificates(): Promise<readonly string[]> {
    const place = await this.#place()
    if (this.#read?.version !== place.version) {
      const known = new Set(tls.rootCertificates.map(bare))
      const certificates = await place.load()
      this.#read = {
        version: place.version,
        certificates: certificates.filter((pem) => !known.has(bare(pem))),
      }
    }
    return this.#read?.certificates ?? []
  }

  async #place(): Promise<{ version: string; load: () => Promise<readonly string[]> }> {
    for (const path of this.#paths) {
      const found = await stat(path).catch(() => undefined)
      if (found?.isFile()) {
        return { version: `${path} ${found.mtimeMs} ${found.size}`, load: () => readBundle(path) }
      }
    }
    return { version: 'store', load: async () => readStore() }
  }
}

/** The bundle of macOS holds Apple's CAs alone; what a company adds is in the keychain. */
function bundlesOf(platform: NodeJS.Platform): readonly string[] {
  return platform === 'darwin' || platform === 'win32' ? [] : BUNDLES
}

async function readBundle(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.match(CERTIFICATE) ?? []
}

/**
 * The keychains of macOS and the certificate stores of Windows, which are no files; Node reads them since 22.15.
 * On Linux it would look where its OpenSSL was configured, which need not be where the distribution has them.
 */
function readStore(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'system') => string[] }
  return getCACertificates?.('system') ?? []
}

/** Two bundles break the lines of one certificate differently. */
function bare(pem: string): string {
  return pem.replace(/\s/g, '')
}
