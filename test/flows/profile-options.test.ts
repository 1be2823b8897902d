/** `catchd profile add` as it is installed: what the options say is what stands in the file. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { startDaemon } from '../support/daemon.js'

test('an option whose key takes a list keeps every value', async () => {
  const daemon = await startDaemon({ config: { profiles: {} } })
  try {
    const { exitCode, stderr } = await daemon.cli([
      ...[
        'profile',
        'add',
        'orders',
        '--token-endpoint',
        'https://id.example.com/token',
        '--client-id',
        'c-1',
      ],
      ...[
        '--grant',
        'urn:ietf:params:oauth:grant-type:token-exchange',
        '--subject-token',
        '{"file":"/run/t"}',
      ],
      ...['--audience', 'orders', '--audience', 'bills', '--hosts', 'a.example', '--hosts', 'b.example'],
      ...['--resource', 'https://a.example', '--resource', 'https://b.example'],
    ])
    expect(exitCode, stderr).toBe(0)
    expect(JSON.parse(readFileSync(daemon.configPath, 'utf8'))).toMatchObject({
      profiles: {
        orders: {
          subject_token: { file: '/run/t' },
          audience: ['orders', 'bills'],
          hosts: ['a.example', 'b.example'],
          resource: ['https://a.example', 'https://b.example'],
        },
      },
    })
  } finally {
    await daemon.stop()
  }
})
