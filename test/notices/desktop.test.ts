import { describe, expect, test } from 'vitest'
import { notificationCommand } from '../../src/notices/desktop.js'
import { type Notice, textOf, variablesOf } from '../../src/notices/notice.js'

const hostile = { title: 'T" & $(x)', body: '<b>"a" & \'b\'</b> $(touch x); `y`' }

describe('texts are never part of a script', () => {
  test('Linux: arguments, the body escaped because it is markup', () => {
    expect(notificationCommand('linux', hostile, { PATH: '/bin' })).toEqual({
      command: [
        'notify-send',
        '--app-name=catchd',
        hostile.title,
        '&lt;b&gt;"a" &amp; \'b\'&lt;/b&gt; $(touch x); `y`',
      ],
      environment: { PATH: '/bin' },
    })
  })

  test('macOS: arguments of the script', () => {
    const { command } = notificationCommand('darwin', hostile, {})
    expect(command[0]).toBe('osascript')
    expect(command.slice(-2)).toEqual([hostile.title, hostile.body])
    expect(command.slice(0, -2)).toEqual(
      notificationCommand('darwin', { title: '', body: '' }, {}).command.slice(0, -2),
    )
  })

  test('Windows: environment', () => {
    const { command, environment } = notificationCommand('win32', hostile, { SystemRoot: 'C:\\Windows' })
    expect(command).toEqual(notificationCommand('win32', { title: '', body: '' }, {}).command)
    expect(command.join()).not.toContain('"')
    expect(environment).toEqual({
      SystemRoot: 'C:\\Windows',
      CATCHD_NOTICE_TITLE: hostile.title,
      CATCHD_NOTICE_BODY: hostile.body,
    })
  })
})

const REASONS = [
  'expires_soon',
  'none_stored',
  'expired',
  'refused',
  'answer_invalid',
  'interrupted',
] as const

test.each(REASONS)('%s is said in words that name the command to run', (reason) => {
  const notice: Notice = { profile: 'gw', reason, neededAtMs: Date.parse('2026-01-02T03:04:05.678Z') }
  const { title, body } = textOf(notice)
  expect(title).toMatch(/^Login needed( soon)?: gw$/)
  expect(body).toMatch(/^[A-Z].+\. Run: catchd login gw$/)
  expect(variablesOf(notice)).toEqual({
    CATCHD_PROFILE: 'gw',
    CATCHD_REASON: reason,
    CATCHD_NEEDED_AT: '2026-01-02T03:04:05Z',
  })
})
