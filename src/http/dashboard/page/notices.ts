/** Short messages at the bottom of the page, which screen readers also read, and the end of the session. */
import { CallFailed, forgetKey, wordsOf } from './calls.js'
import { byId, element } from './elements.js'

const SHOWN_MS = { done: 8_000, failed: 30_000 }

export function notify(text: string, tone: 'done' | 'failed' = 'done'): void {
  const notice = element('div', { class: `notice ${tone}` }, text)
  const place = byId('notices')
  // Above a dialog that has been opened since.
  if (place.matches(':popover-open')) place.hidePopover()
  place.showPopover()
  place.append(notice)
  setTimeout(() => notice.remove(), SHOWN_MS[tone])
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
