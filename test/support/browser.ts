/**
 * A real Chromium, headless, with an empty profile and without anything that talks to the outside.
 */
import { type Browser, chromium } from 'playwright-core'
import { needs } from './needs.js'

/** For `describe.skipIf(withoutChromium !== undefined)`. */
export const withoutChromium = needs('chromium')

/** The caller closes it; its profile is a temporary folder that goes with it. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      '--disable-quic',
    ],
  })
}
