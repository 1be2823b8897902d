/** A repository behind git's own CGI program on a loopback port, for whoever brings a good token as the password. */
import { execFileSync, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { type ToolBench, tokenSent } from './tool-system.js'

export interface GitServer {
  readonly url: string
  /** With its port, as `hosts` names it. */
  readonly host: string
  /** Tokens that were taken, and those that were not, or came in a scheme that is not. */
  readonly taken: string[]
  readonly refused: string[]
}

type Scheme = 'Basic' | 'Bearer'

/** The repository `team/repo.git` holds one commit with the file `hello`, and takes pushes. */
export async function startGitServer(
  bench: ToolBench,
  isGood: (password: string) => boolean | Promise<boolean>,
  schemes: readonly Scheme[] = ['Basic'],
): Promise<GitServer> {
  const root = join(bench.folder, 'repositories')
  const work = join(bench.folder, 'first-work')
  const bare = join(root, 'team', 'repo.git')
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example', ...args], { stdio: 'pipe' })
  git('init', '--quiet', work)
  await writeFile(join(work, 'hello'), 'hello')
  git('-C', work, 'add', '.')
  git('-C', work, 'commit', '--quiet', '-m', 'first')
  git('clone', '--quiet', '--bare', work, bare)
  git('-C', bare, 'config', 'http.receivepack', 'true')
  const backend = join(git('--exec-path').toString().trim(), 'git-http-backend')
  const taken: string[] = []
  const refused: string[] = []
  const port = await bench.listen(
    createServer(async (request, response) => {
      const sent = tokenSent(request)
      if (sent !== undefined && schemes.includes(sent.scheme) && (await isGood(sent.token))) {
        taken.push(sent.token)
        serveCgi(backend, root, request, response)
        return
      }
      if (sent !== undefined) refused.push(sent.token)
      response.writeHead(401, { 'www-authenticate': schemes.map((scheme) => `${scheme} realm="git"`) }).end()
    }),
  )
  return { url: `http://localhost:${port}/team/repo.git`, host: `localhost:${port}`, taken, refused }
}

function serveCgi(program: string, root: string, request: IncomingMessage, response: ServerResponse) {
  const [path = '', query = ''] = (request.url ?? '').split('?')
  const child = spawn(program, {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: request.method,
      PATH_INFO: path,
      QUERY_STRING: query,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    },
  })
  request.pipe(child.stdin)
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.on('close', () => {
    const all = Buffer.concat(chunks)
    const end = all.indexOf('\r\n\r\n')
    for (const line of all.subarray(0, end).toString().split('\r\n')) {
      const [name = '', value = ''] = line.split(': ')
      if (name.toLowerCase() !== 'status') response.setHeader(name, value)
    }
    response.end(all.subarray(end + 4))
  })
}
