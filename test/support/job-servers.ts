/**
 * The vendors that the pages about whole jobs begin at, as emulators on loopback that know the vendors' rules: what a page
 * says to register is what is registered there. A browser whose person agrees to everything comes with them.
 */
import { Emulator } from '../presets/emulator.js'
import type { Vendor } from '../presets/vendor.js'
import { VENDORS } from '../presets/vendors.js'
import type { Names } from './paste-session.js'
import type { ToolBench } from './tool-system.js'

export const JOB_SECRET = 'secret-of-the-client'

interface Job {
  readonly preset: string
  readonly changes: Partial<Vendor>
  readonly clientId: string
  /** As the page says it. */
  readonly registered?: string
  /** What the page says of the vendor's address, and how it is said here. */
  readonly names: (moved: (url: string) => string) => Names
}

const ENTRA = 'https://login.microsoftonline.com/tenant-1'
const REALM = 'https://keycloak.example/realms/work'

const JOBS: Readonly<Record<string, Job>> = {
  'mail.md': {
    preset: 'gmail',
    changes: {},
    clientId: 'CLIENT_ID',
    names: (moved) => [['--preset gmail', `--preset gmail --issuer ${moved('https://accounts.google.com')}`]],
  },
  'git.md': {
    preset: 'github',
    changes: {},
    clientId: 'CLIENT_ID',
    registered: 'http://127.0.0.1/callback/github',
    names: (moved) => [['--preset github', `--preset github --base-url ${moved('https://github.com')}`]],
  },
  'entra.md': {
    preset: 'entra',
    changes: { scopes: ['api://API_CLIENT_ID/.default'] },
    clientId: 'CLIENT_ID',
    registered: 'http://localhost/callback/corp',
    names: (moved) => [['https://login.microsoftonline.com/TENANT_ID', moved(ENTRA)]],
  },
  'kubectl.md': {
    preset: 'keycloak',
    changes: { knownScopes: ['offline_access'], scopes: ['openid'] },
    clientId: 'kubernetes',
    registered: 'http://127.0.0.1/callback/k8s',
    names: (moved) => [['https://id.example.com', moved(REALM)]],
  },
}

export interface JobServer {
  readonly names: Names
  /** Where the page's issuer is here; for files that name it before the page is read. */
  readonly emulator: Emulator
}

/** @returns `undefined` for a page that begins with a profile that is logged in. */
export async function startJobServer(bench: ToolBench, page: string): Promise<JobServer | undefined> {
  const job = JOBS[page]
  const vendor = VENDORS.find(({ preset }) => preset === job?.preset)
  if (job === undefined || vendor === undefined) return undefined
  const { clientId: id, registered } = job
  const kind = vendor.clients.includes('public') ? 'public' : 'confidential'
  const emulator = new Emulator({ ...vendor, ...job.changes }, { id, kind, secret: JOB_SECRET, registered })
  await emulator.start()
  bench.after(() => emulator.stop())
  return { emulator, names: job.names((url) => emulator.moved(url)) }
}
