/** The facts about this machine that a diagnosis uses. Pure. */

export interface MachineFacts {
  readonly platform: NodeJS.Platform
  /** Only names: a value can hold a password. */
  readonly proxyVariables: readonly string[]
}

const PROXY_VARIABLES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY']

export function machineFactsOf(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): MachineFacts {
  const names = PROXY_VARIABLES.flatMap((name) => [name, name.toLowerCase()])
  return { platform, proxyVariables: names.filter((name) => env[name]) }
}
