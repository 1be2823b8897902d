/** A launchd agent of one user (launchd.plist(5)). It starts at login, and again after a failure. */
import { join } from 'node:path'
import { LOADER_VARIABLES } from '../process/own-processes.js'
import { type ServicePlan, type ServiceSetup, xmlText } from './plan.js'

const LABEL = 'catchd'

export function launchdPlan(setup: ServiceSetup): ServicePlan {
  const path = join(setup.homeFolder, 'Library', 'LaunchAgents', `${LABEL}.plist`)
  const domain = `gui/${setup.userId}`
  return {
    kind: 'launchd agent',
    files: [{ path, content: plist(setup) }],
    enable: [['launchctl', 'bootstrap', domain, path]],
    disable: [['launchctl', 'bootout', `${domain}/${LABEL}`]],
    afterRemoval: [],
    query: ['launchctl', 'print', `${domain}/${LABEL}`],
  }
}

function plist({ node, program, environment }: ServiceSetup): string {
  const strings = [node, program, 'daemon', 'run'].map((part) => `    <string>${xmlText(part)}</string>`)
  // An empty value hides the variable of the session.
  const hidden = Object.fromEntries(LOADER_VARIABLES.map((name) => [name, '']))
  const variables = Object.entries({ ...hidden, ...environment }).flatMap(([name, value]) => [
    `    <key>${xmlText(name)}</key>`,
    `    <string>${xmlText(value)}</string>`,
  ])
  return `${[
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    '<dict>',
    '  <key>Label</key>',
    `  <string>${LABEL}</string>`,
    '  <key>ProgramArguments</key>',
    '  <array>',
    ...strings,
    '  </array>',
    '  <key>EnvironmentVariables</key>',
    '  <dict>',
    ...variables,
    '  </dict>',
    '  <key>RunAtLoad</key>',
    '  <true/>',
    '  <key>KeepAlive</key>',
    '  <dict>',
    '    <key>SuccessfulExit</key>',
    '    <false/>',
    '  </dict>',
    '  <key>ProcessType</key>',
    '  <string>Background</string>',
    '  <key>Umask</key>',
    // 077. launchd reads it as a decimal number.
    '  <integer>63</integer>',
    ...['Soft', 'Hard'].flatMap((kind) => [
      `  <key>${kind}ResourceLimits</key>`,
      '  <dict>',
      '    <key>Core</key>',
      '    <integer>0</integer>',
      '  </dict>',
    ]),
    '</dict>',
    '</plist>',
  ].join('\n')}\n`
}
