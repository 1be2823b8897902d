/** msmtp and mutt send through a mail server that takes nothing but the token, over TLS. */
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeCertificates } from '../../support/certificates.js'
import { needs } from '../../support/needs.js'
import { startSmtpServer } from '../../support/smtp-server.js'
import { ToolBench } from '../../support/tool-system.js'

const bench = new ToolBench()
const skipMsmtp = needs('msmtp') !== undefined
const skipMutt = needs('mutt') !== undefined

const MAIL = 'From: me@example.com\\nTo: you@example.com\\nSubject: hi\\n\\nhello\\n'

async function start() {
  const { caFile, key, cert } = makeCertificates(bench.folder)
  const good = new Set<string>()
  const server = await startSmtpServer(bench, { key, cert }, (token) => good.has(token))
  const system = await bench.system()
  good.add(await system.token())
  const configure = async (name: string, lines: readonly string[]) => {
    const path = join(bench.folder, name)
    await writeFile(path, `${lines.join('\n')}\n`)
    await chmod(path, 0o600)
  }
  return { caFile, server, system, good, configure, shell: (line: string) => bench.shell(line, system.env) }
}

type Started = Awaited<ReturnType<typeof start>>

const msmtp = async ({ configure, server, caFile, shell }: Started, mechanism: string) => {
  await configure('.msmtprc', [
    ...['account default', 'host localhost', `port ${server.port}`, 'tls on', `tls_trust_file ${caFile}`],
    ...[`auth ${mechanism}`, 'user me@example.com', 'passwordeval "catchd token gw"', 'from me@example.com'],
  ])
  return shell(`printf '${MAIL}' | msmtp you@example.com`)
}

test.skipIf(skipMsmtp).each([
  ['oauthbearer', 'OAUTHBEARER'],
  ['xoauth2', 'XOAUTH2'],
])('msmtp sends with the token by %s', async (auth, mechanism) => {
  const started = await start()
  expect(await msmtp(started, auth)).toEqual({ exitCode: 0, stdout: '', stderr: '' })
  const { server, system } = started
  expect(server.attempts.map(({ mechanism: used }) => used)).toEqual([mechanism])
  expect(server.attempts[0]?.response).toContain(`auth=Bearer ${await system.token()}\u0001`)
  expect(server.mails[0]).toContain('Subject: hi')
})

test.skipIf(skipMsmtp)('without a login msmtp sends nothing and shows what to run', async () => {
  const started = await start()
  await started.system.daemon.api('DELETE', '/v1/tokens/gw')
  const { exitCode, stderr } = await msmtp(started, 'oauthbearer')
  expect(exitCode).not.toBe(0)
  expect(stderr).toContain('→ catchd login gw')
  expect(stderr).toContain("msmtp: cannot read output of 'catchd token gw'")
  expect(started.server.mails).toEqual([])
})

test.skipIf(skipMsmtp)(
  'a token that the mail server refuses is msmtp’s own error, and refresh mends it',
  async () => {
    const started = await start()
    const { system, good } = started
    good.clear()
    const { exitCode, stderr } = await msmtp(started, 'oauthbearer')
    expect(exitCode).not.toBe(0)
    expect(stderr).toContain('authentication failed')
    expect(stderr).not.toContain(await system.token())
    await started.shell('catchd refresh gw')
    good.add(await system.token())
    expect(await msmtp(started, 'oauthbearer')).toMatchObject({ exitCode: 0 })
  },
)

test.skipIf(skipMutt)('mutt sends with the token', async () => {
  const started = await start()
  const { server, system, caFile, configure, shell } = started
  await configure('.muttrc', [
    'set from = "me@example.com"',
    `set smtp_url = "smtp://me@example.com@localhost:${server.port}/"`,
    'set smtp_authenticators = "oauthbearer"',
    'set smtp_oauth_refresh_command = "catchd token gw"',
    'set ssl_force_tls = yes',
    `set certificate_file = "${caFile}"`,
    'set copy = no',
    'set use_envelope_from = yes',
  ])
  const sent = await shell('echo hello | mutt -s hi you@example.com')
  expect(sent).toMatchObject({ exitCode: 0 })
  expect(server.attempts[0]).toMatchObject({ mechanism: 'OAUTHBEARER' })
  expect(server.attempts[0]?.response).toContain(`auth=Bearer ${await system.token()}\u0001`)
  expect(server.mails[0]).toContain('hello')
})
