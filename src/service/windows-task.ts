/** A task of the Windows Task Scheduler that starts the daemon when its user logs on. */
import { join } from 'node:path'
import { type ServicePlan, type ServiceSetup, xmlText } from './plan.js'

const TASK = 'catchd'

/** @param folder - The folder for the task's XML file. */
export function windowsTaskPlan(setup: ServiceSetup, folder: string, user: string): ServicePlan {
  const path = join(folder, 'catchd-task.xml')
  return {
    kind: 'scheduled task',
    // schtasks reads this encoding without an option.
    files: [{ path, content: `\uFEFF${task(setup, user)}`, encoding: 'utf16le' }],
    enable: [
      ['schtasks', '/Create', '/F', '/TN', TASK, '/XML', path],
      ['schtasks', '/Run', '/TN', TASK],
    ],
    disable: [
      ['schtasks', '/End', '/TN', TASK],
      ['schtasks', '/Delete', '/F', '/TN', TASK],
    ],
    afterRemoval: [],
    query: ['schtasks', '/Query', '/TN', TASK],
  }
}

function task({ node, program }: ServiceSetup, user: string): string {
  // conhost --headless shows no console window.
  const command = `--headless ${argument(node)} ${argument(program)} daemon run --detached`
  return `${[
    '<?xml version="1.0" encoding="UTF-16"?>',
    '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">',
    '  <RegistrationInfo>',
    '    <Description>catchd: catches OAuth redirects and keeps tokens fresh</Description>',
    '  </RegistrationInfo>',
    '  <Triggers>',
    '    <LogonTrigger>',
    '      <Enabled>true</Enabled>',
    `      <UserId>${xmlText(user)}</UserId>`,
    '    </LogonTrigger>',
    '  </Triggers>',
    '  <Principals>',
    '    <Principal id="Author">',
    `      <UserId>${xmlText(user)}</UserId>`,
    '      <LogonType>InteractiveToken</LogonType>',
    '      <RunLevel>LeastPrivilege</RunLevel>',
    '    </Principal>',
    '  </Principals>',
    '  <Settings>',
    '    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>',
    '    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>',
    '    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>',
    '    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>',
    '    <RestartOnFailure>',
    '      <Interval>PT1M</Interval>',
    '      <Count>3</Count>',
    '    </RestartOnFailure>',
    '  </Settings>',
    '  <Actions Context="Author">',
    '    <Exec>',
    '      <Command>conhost.exe</Command>',
    `      <Arguments>${xmlText(command)}</Arguments>`,
    '    </Exec>',
    '  </Actions>',
    '</Task>',
  ].join('\r\n')}\r\n`
}

/** A path cannot contain a quotation mark on Windows. */
function argument(path: string): string {
  return `"${path}"`
}
