/** The files that make catchd a service, and whether the platforms' own readers take them. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { LOADER_VARIABLES } from '../../src/process/own-processes.js'
import { launchdPlan } from '../../src/service/launchd.js'
import { environmentToKeep, type ServicePlan, type ServiceSetup } from '../../src/service/plan.js'
import { systemdPlan } from '../../src/service/systemd.js'
import { windowsTaskPlan } from '../../src/service/windows-task.js'
import { needs } from '../support/needs.js'

const SETUP: ServiceSetup = {
  node: process.execPath,
  program: '/home/a b/50% & "more"/$HOME/catchd.cjs',
  homeFolder: '/home/ada',
  configHome: undefined,
  userId: 501,
  socketPath: '/run/user/1000/catchd/catchd.sock',
  apiPort: 7636,
  redirectPort: 8252,
  environment: { CATCHD_BROWSER: 'open "a\\b" <x> 100%', PATH: '/usr/bin:/bin' },
}

/** Variables of the session that the service does not see. */
const HIDDEN = Object.fromEntries(LOADER_VARIABLES.map((name) => [name, '']))

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** Writes the files of a plan below a folder of this test. @returns Their paths */
function written(plan: ServicePlan): string[] {
  const root = mkdtempSync(join(tmpdir(), 'catchd-service-'))
  folders.push(root)
  return plan.files.map(({ path, content, encoding }) => {
    const place = join(root, path)
    mkdirSync(dirname(place), { recursive: true })
    writeFileSync(place, content, encoding ?? 'utf8')
    return place
  })
}

const contentOf = (plan: ServicePlan, name: string) =>
  plan.files.find(({ path }) => basename(path) === name)?.content ?? ''

describe('systemd', () => {
  test('holds the three addresses, for this user alone', () => {
    const plan = systemdPlan(SETUP)
    expect(plan.files.map(({ path }) => path)).toEqual([
      '/home/ada/.config/systemd/user/catchd.service',
      '/home/ada/.config/systemd/user/catchd.socket',
      '/home/ada/.config/systemd/user/catchd-tcp.socket',
      '/home/ada/.config/systemd/user/catchd-redirect.socket',
    ])
    expect(contentOf(plan, 'catchd.socket')).toContain('SocketMode=0600\nDirectoryMode=0700')
    expect(contentOf(plan, 'catchd-redirect.socket')).toContain('ListenStream=127.0.0.1:8252')
    expect(plan.enable.at(-1)?.join(' ')).toBe(
      'systemctl --user enable --now catchd.socket catchd-tcp.socket catchd-redirect.socket',
    )
  })

  test('an address that the daemon does not use has no unit', () => {
    const plan = systemdPlan({ ...SETUP, apiPort: 0, redirectPort: 0 })
    expect(plan.files.map(({ path }) => basename(path))).toEqual(['catchd.service', 'catchd.socket'])
    expect(contentOf(plan, 'catchd.service')).not.toContain('tcp')
  })

  test('no core dump, and none of the variables that make Node.js load other code', () => {
    const unit = contentOf(systemdPlan(SETUP), 'catchd.service').split('\n')
    expect(unit).toContain('LimitCORE=0')
    expect(unit).toContain(`UnsetEnvironment=${LOADER_VARIABLES.join(' ')}`)
  })

  test('$XDG_CONFIG_HOME is where units are looked for', () => {
    const [file] = systemdPlan({ ...SETUP, configHome: '/xdg' }).files
    expect(file?.path).toBe('/xdg/systemd/user/catchd.service')
  })

  describe.skipIf(needs('systemd-analyze') !== undefined)('read by systemd itself', () => {
    const verify = (paths: string[]) =>
      spawnSync('systemd-analyze', ['verify', '--user', '--man=no', ...paths], {
        encoding: 'utf8',
        env: { ...process.env, XDG_RUNTIME_DIR: tmpdir() },
      })

    test('nothing is objected to', () => {
      const plan = systemdPlan({ ...SETUP, program: process.execPath })
      const { status, stderr } = verify(written(plan))
      expect(stderr.split('\n').filter((line) => line.includes('catchd'))).toEqual([])
      expect(status).toBe(0)
    })

    test('a slip in a unit would be seen', () => {
      const [service = '', ...sockets] = written(systemdPlan(SETUP))
      writeFileSync(service, contentOf(systemdPlan(SETUP), 'catchd.service').replace('UMask', 'UMaks'))
      expect(verify([service, ...sockets]).stderr).toContain('UMaks')
    })
  })
})

describe('launchd', () => {
  const plan = launchdPlan(SETUP)

  test('an agent of this user', () => {
    expect(plan.files[0]?.path).toBe('/home/ada/Library/LaunchAgents/catchd.plist')
    expect(plan.enable).toEqual([['launchctl', 'bootstrap', 'gui/501', plan.files[0]?.path]])
    expect(plan.disable).toEqual([['launchctl', 'bootout', 'gui/501/catchd']])
  })

  describe.skipIf(needs('python3') !== undefined)('read by a property list reader', () => {
    test('what stands in it is what was meant', () => {
      const script =
        'import json,plistlib,sys; print(json.dumps(plistlib.load(open(sys.argv[1],"rb"),fmt=plistlib.FMT_XML)))'
      const read = execFileSync('python3', ['-c', script, ...written(plan)], { encoding: 'utf8' })
      expect(JSON.parse(read)).toEqual({
        Label: 'catchd',
        ProgramArguments: [SETUP.node, SETUP.program, 'daemon', 'run'],
        EnvironmentVariables: { ...HIDDEN, ...SETUP.environment },
        RunAtLoad: true,
        KeepAlive: { SuccessfulExit: false },
        ProcessType: 'Background',
        Umask: 0o077,
        SoftResourceLimits: { Core: 0 },
        HardResourceLimits: { Core: 0 },
      })
    })
  })
})

describe('the Windows Task Scheduler', () => {
  const setup = { ...SETUP, program: 'C:\\Users\\A & B\\catchd.cjs' }
  const plan = windowsTaskPlan(setup, '/state', 'A & B')

  test('a task of this user, without a console window', () => {
    expect(plan.files[0]).toMatchObject({ path: '/state/catchd-task.xml', encoding: 'utf16le' })
    expect(plan.enable[0]).toEqual([
      'schtasks',
      '/Create',
      '/F',
      '/TN',
      'catchd',
      '/XML',
      plan.files[0]?.path,
    ])
  })

  describe.skipIf(needs('python3') !== undefined)('read by an XML reader', () => {
    test('what stands in it is what was meant', () => {
      const script = [
        'import sys,xml.etree.ElementTree as t',
        'n="{http://schemas.microsoft.com/windows/2004/02/mit/task}"',
        'r=t.parse(sys.argv[1]).getroot()',
        'print("|".join(r.find(".//"+n+x).text for x in ["Command","Arguments","LogonType","UserId"]))',
      ].join('\n')
      const read = execFileSync('python3', ['-c', script, ...written(plan)], { encoding: 'utf8' })
      expect(read.trim()).toBe(
        `conhost.exe|--headless "${setup.node}" "${setup.program}" daemon run --detached|InteractiveToken|A & B`,
      )
    })
  })
})

test('what a service is handed on: settings of the daemon, the way to commands and out of the network', () => {
  const environment = {
    CATCHD_HOME: '/x',
    CATCHD_API_KEY: 'key-canary',
    CATCHD_URL: 'http://127.0.0.1:1',
    PATH: '/bin',
    HTTPS_PROXY: 'http://proxy:3128',
    no_proxy: 'internal',
    AWS_SECRET_ACCESS_KEY: 'secret-canary',
    NODE_EXTRA_CA_CERTS: '/ca.pem',
    CATCHD_BROWSER: 'two\nlines',
    CATCHD_VAULT: '',
  }
  expect(environmentToKeep(environment)).toEqual({
    CATCHD_HOME: '/x',
    HTTPS_PROXY: 'http://proxy:3128',
    NODE_EXTRA_CA_CERTS: '/ca.pem',
    PATH: '/bin',
    no_proxy: 'internal',
  })
})
