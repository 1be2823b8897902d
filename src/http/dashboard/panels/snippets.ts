/** Lines to copy that use a profile's token in other tools (docs/tools/). No line contains a token. */
import type { DaemonStatus } from '../../api/services.js'
import { type Html, html } from '../../redirect/pages/html.js'
import type { ProfileOverview } from '../overview.js'

/** The addresses of the API; `undefined` if they are not known. */
export type Addresses = Pick<DaemonStatus['listeners'], 'socket' | 'tcp'> | undefined

export function snippets({ name, entry }: ProfileOverview, addresses: Addresses): Html {
  const lines = entry.dpop === true ? forBoundTokens(name) : forTools(name, addresses)
  return html`<details class="snippets"><summary>Use it<span class="unseen"> ${name}</span></summary>
<ul>${lines.map(([tool, text]) => snippet(name, tool, text))}</ul></details>`
}

function snippet(profile: string, tool: string, text: string): Html {
  return html`<li><h4>${tool}</h4><div class="snippet"><pre tabindex="0" aria-label="${tool}, ${profile}"><code>${text}</code></pre><button type="button" class="plain" data-action="copy">Copy<span class="unseen"> for ${tool}, ${profile}</span></button></div></li>`
}

type Line = readonly [tool: string, text: string]

function forTools(name: string, addresses: Addresses): Line[] {
  return [
    ['Shell', `catchd token ${name}`],
    ['A command', `catchd exec ${name} -- sh -c 'echo "$ACCESS_TOKEN"'`],
    ['curl', `catchd token ${name} --format header | curl --header @- https://api.example.com/`],
    ...forHttp(name, addresses),
    ['git', `git config --global credential.helper '!catchd credential --profile ${name} git'`],
    ['kubectl', `{command: catchd, args: [credential, --profile, ${name}, kubectl]}`],
    ['MCP host', `"headersHelper": "catchd credential --profile ${name} headers"`],
    ['JavaScript', `const { access_token } = await new CatchdClient().token('${name}')`],
    ...forBoundTokens(name),
  ]
}

function forHttp(name: string, addresses: Addresses): Line[] {
  const { socket = null, tcp = null } = addresses ?? {}
  const path = `/v1/tokens/${name}`
  const lines: Line[] = []
  if (socket !== null) lines.push(['The socket', `curl --unix-socket '${socket}' http://localhost${path}`])
  if (tcp !== null)
    lines.push(['TCP, with an API key', `curl --header 'Authorization: Bearer KEY' ${tcp}${path}`])
  return lines
}

/** A token that is bound to a key needs a proof with every request (RFC 9449). */
function forBoundTokens(name: string): Line[] {
  return [['A tool without OAuth support', `catchd proxy ${name} --upstream https://api.example.com`]]
}
