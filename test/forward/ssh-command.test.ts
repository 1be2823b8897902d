import { expect, test } from 'vitest'
import { readyFolder, sshArguments, sshFailure } from '../../src/forward/ssh-command.js'

const forwarding = {
  destination: 'me@host',
  sshWords: ['-p', '2222'],
  id: 'a1',
  relaySocket: '/private/relay',
  port: { number: 7636, relaySocket: '/private/port' },
  callbackPorts: [3000],
  loopbackAddresses: ['127.0.0.1', '[::1]'],
}

test('the relay goes there; callback ports lead from here to there, by both loopback addresses', () => {
  const words = sshArguments(forwarding)
  const valuesOf = (option: string) => words.filter((_word, index) => words[index - 1] === option)
  expect(valuesOf('-R')).toEqual(['/tmp/catchd-a1.sock:/private/relay', '127.0.0.1:7636:/private/port'])
  expect(valuesOf('-L')).toEqual(['127.0.0.1:3000:localhost:3000', '[::1]:3000:localhost:3000'])
  expect(valuesOf('-o')).toEqual(expect.arrayContaining(['ExitOnForwardFailure=yes', 'ControlPath=none']))
  expect(words.slice(-5, -1)).toEqual(['-p', '2222', '--', 'me@host'])
  expect(words.at(-1)).toMatch(/^exec sh -c '/)
})

test.each([
  ['catchd-forward a1 /home/me/x\n', '/home/me/x'],
  ['Welcome!\ncatchd-forward a1 /home/me/a b\n', '/home/me/a b'],
  ['catchd-forward a1 /home/m', undefined],
  ['catchd-forward b2 /home/me\n', undefined],
  ['', undefined],
])('%j: %s', (output, folder) => {
  expect(readyFolder(output, 'a1')).toBe(folder)
})

test.each<[string, number | null, string, boolean, string, string]>([
  [
    'a socket that is refused',
    255,
    'Error: remote port forwarding failed for listen path /tmp/catchd-a1.sock\n',
    false,
    'forwarding_failed',
    'AllowStreamLocalForwarding',
  ],
  [
    'a port that is refused',
    255,
    'Error: remote port forwarding failed for listen port 7636\n',
    false,
    'forwarding_failed',
    '7636',
  ],
  [
    'a taken callback port',
    255,
    'bind [127.0.0.1]:3000: Address already in use\nchannel_setup_fwd_listener_tcpip: cannot listen to port: 3000\nCould not request local forwarding.\n',
    false,
    'redirect_port_in_use',
    '(3000)',
  ],
  [
    'ssh has its own cause',
    255,
    'warning\nme@host: Permission denied (publickey).\n',
    false,
    'forwarding_failed',
    'exit code 255: me@host: Permission denied (publickey).',
  ],
  ['silence', 1, '', false, 'forwarding_failed', 'printed no error'],
  ['an end later on', 255, 'Timeout, server host not responding.', true, 'forwarding_failed', 'ended'],
  ['an end by a signal', null, '', true, 'forwarding_failed', 'none'],
])('%s', (_what, exitCode, stderr, wasReady, code, said) => {
  expect(sshFailure(exitCode, stderr, wasReady)).toMatchObject({
    code,
    detail: expect.stringContaining(said),
  })
})
