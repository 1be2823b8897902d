/**
 * The CAs of the operating system, to which companies add their own. Node 20 does not read them.
 *
 * They are read when a connection first needs them, and again when the file has changed, because a daemon runs for weeks.
 * They are added to Node's CAs and never replace them. A system without such a file is not a failure.
 */
import { readFile, stat } from 'node:fs/promises'
import tls from 'node:tls'

/** The files with all CAs of a distribution, in the same order as in Go's crypto/x509. */
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

  /** @param env - `SSL_CERT_FILE` names another file, as in OpenSSL. */
  constructor(env: NodeJS.ProcessEnv, bundles: readonly string[] = bundlesOf(process.platform)) {
    const named = env['SSL_CERT_FILE']
    this.#paths = named ? [named] : bundles
  }

  /** @returns The CAs that Node does not know, in PEM format. The array is the same until a CA changes. */
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

/** The file of macOS contains only Apple's CAs. CAs that a company adds are in the keychain. */
function bundlesOf(platform: NodeJS.Platform): readonly string[] {
  return platform === 'darwin' || platform === 'win32' ? [] : BUNDLES
}

async function readBundle(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.match(CERTIFICATE) ?? []
}

/**
 * The keychains of macOS and the certificate stores of Windows, which Node can read since 22.15. On Linux, Node would read
 * the path that its OpenSSL was built with, which can differ from the distribution's path.
 */
function readStore(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'system') => string[] }
  return getCACertificates?.('system') ?? []
}

/** The same certificate can have different line breaks in two files. */
function bare(pem: string): string {
  return pem.replace(/\s/g, '')
}
