/**
 * Makes the pictures of the documentation anew, from the built program: `npm run pictures`. The drawings are made by
 * scripts/generate.ts, because they need no program.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { openOffice } from './pictures/fictional-office.js'
import { recordSession, SESSION_FILE } from './pictures/recorded-session.js'
import { takeScreenshots } from './pictures/screenshots.js'

const office = await openOffice()
try {
  const session = await recordSession(office)
  const pictures = [[SESSION_FILE, session] as const, ...(await takeScreenshots(office))]
  await mkdir(new URL('../docs/images', import.meta.url), { recursive: true })
  for (const [path, content] of pictures) {
    await writeFile(fileURLToPath(new URL(`../${path}`, import.meta.url)), content)
    console.log(path)
  }
} finally {
  await office.close()
}
