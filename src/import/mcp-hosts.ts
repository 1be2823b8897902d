/** Reads the MCP servers in the configuration of an MCP host: servers with a URL, and servers behind mcp-remote. */
import {
  type Imported,
  type ImportedUrl,
  isRecord,
  notReadable,
  parseJsonOf,
  textOf,
  textsOf,
} from './import.js'

const PROGRAM = 'an MCP host'

export function readMcpHost(text: string): Imported {
  const file = parseJsonOf(PROGRAM, text)
  const servers = file['mcpServers'] ?? file['servers']
  const urls = Object.entries(isRecord(servers) ? servers : {}).flatMap(([name, server]) =>
    urlOf(name, server),
  )
  if (urls.length === 0) throw notReadable(PROGRAM, 'it has no server with a URL or with mcp-remote.')
  return { profiles: [], urls }
}

function urlOf(name: string, server: unknown): ImportedUrl[] {
  if (!isRecord(server)) return []
  const args = textsOf(server['args'])
  const isRemote = args.some((word) => /^mcp-remote(@|$)/.test(word))
  const url = textOf(server, 'url') ?? (isRemote ? args.find((word) => /^https?:\/\//.test(word)) : undefined)
  return url === undefined ? [] : [{ name, url }]
}
