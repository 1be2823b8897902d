/** Short messages at the top of the page, which screen readers also read, and the end of the session. */
import { CallFailed, forgetKey, wordsOf } from './calls.js'
import { byId, element } from './elements.js'

const SHOWN_MS = 8_000

export function notify(text: string, tone: 'done' | 'failed' = 'done'): void {
  const notice = element('div', { class: `notice ${tone}` }, text)
  byId('notices').append(notice)
  setTimeout(() => notice.remove(), SHOWN_MS)
}

export function notifyFailure(error: unknown): void {
  if (isOver(error)) showEnd()
  else notify(wordsOf(error), 'failed')
}

/** Whether the session has ended, or the page does not have its key. */
export function isOver(error: unknown): boolean {
  return error instanceof CallFailed && (error.status === 401 || error.problem.code === 'origin_refused')
}

let hasEnded = false

/** Whether the session has ended, so that there is nothing left to update. */
export function isEnded(): boolean {
  return hasEnded
}

/** Removes all content of the page, because another person may be at the screen now. */
export function showEnd(): void {
  if (hasEnded) return
  hasEnded = true
  forgetKey()
  for (const dialog of document.querySelectorAll('dialog')) dialog.close()
  byId('live').textContent = 'Ended'
  byId('live').className = 'live ended'
  const end = element('section', { class: 'ended box' })
  end.append(
    element('h2', { tabindex: '-1' }, 'Your session has ended'),
    element('p', {}, 'To open the dashboard again, run:'),
    element('pre', {}, 'catchd dashboard'),
  )
  document.querySelector('main')?.replaceChildren(end)
  end.querySelector('h2')?.focus()
}
