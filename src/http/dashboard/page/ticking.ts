/** Updates the texts and bars that change with time. */
import { barLeft, distance, timeLeft } from '../time-left.js'

const TICK_MS = 1_000

/** @param onOver - Called when a time has just ended. */
export function startTicking(onOver: () => void): void {
  setInterval(() => tick(onOver), TICK_MS)
}

export function tick(onOver: () => void = () => {}): void {
  const nowMs = Date.now()
  for (const time of document.querySelectorAll<HTMLTimeElement>('time[data-relative]')) {
    write(time, distance(Date.parse(time.dateTime), nowMs))
  }
  for (const time of document.querySelectorAll<HTMLTimeElement>('time[data-clock]')) {
    write(time, clockTime(new Date(time.dateTime), nowMs))
  }
  for (const left of document.querySelectorAll<HTMLElement>('[data-left]')) {
    const untilMs = Date.parse(left.dataset['left'] ?? '')
    write(left, timeLeft(untilMs, nowMs))
    if (untilMs <= nowMs && untilMs > nowMs - TICK_MS) onOver()
  }
  for (const bar of document.querySelectorAll<HTMLProgressElement>('progress[data-until]')) {
    const { from = '', until = '' } = bar.dataset
    bar.value = barLeft(Date.parse(from), Date.parse(until), nowMs)
  }
}

/** In the time zone of this machine: `15:00`; with the date if it is more than half a day away. */
function clockTime(date: Date, nowMs: number): string {
  const isNear = Math.abs(date.getTime() - nowMs) < 12 * 3_600_000
  return date.toLocaleString([], { ...(isNear ? {} : { dateStyle: 'medium' }), timeStyle: 'short' })
}

/** Changes the text only if it is different, so that a selection in it stays. */
function write(place: HTMLElement, text: string): void {
  if (place.textContent !== text) place.textContent = text
}
