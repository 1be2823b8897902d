/** What of this machine a diagnosis goes by. Pure. */

export interface MachineFacts {
  readonly platform: NodeJS.Platform
  /** Names only: the values may hold a password. */
  readonly proxyVariables: readonly string[]
}

const PROXY_VARIABLES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY']

export function machineFactsOf(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): MachineFacts {
  const names = PROXY_VARIABLES.flatMap((name) => [name, name.toLowerCase()])
  return { platform, proxyVariables: names.filter((name) => env[name]) }
}
