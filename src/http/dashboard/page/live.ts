/**
 * Reads the stream of events, and fetches the panels again after each event. `EventSource` cannot send the session's
 * key, so the stream is read with `fetch`.
 */
import { call } from './calls.js'
import { byId } from './elements.js'
import { update } from './morphing.js'
import { isEnded, isOver, showEnd } from './notices.js'
import { viewQuery } from './profiles-view.js'
import { tick } from './ticking.js'

const RETRY_MS = 2_000
const UPDATE_EVERY_MS = 20_000
/** Several events often come together, for example login.claimed and login.succeeded. They cause one update. */
const GATHER_MS = 120

export interface HappenedEvent {
  readonly event: string
  readonly profile?: string
  readonly login_id?: string
}

let isGathering = false
let isUpdating = false
let isWantedAgain = false

/** Updates the panels after a short delay. */
export function showNews(): void {
  if (isGathering) return
  isGathering = true
  setTimeout(() => {
    isGathering = false
    void showPanels()
  }, GATHER_MS)
}

/** One update at a time, so that no answer is overtaken by a later one. */
export async function showPanels(): Promise<void> {
  if (isEnded()) return
  isWantedAgain = isUpdating
  if (isUpdating) return
  isUpdating = true
  try {
    const text = await (await call('GET', `/dashboard/panels?${viewQuery()}`)).text()
    const next = new DOMParser().parseFromString(text, 'text/html')
    for (const panel of next.querySelectorAll<HTMLElement>('[data-panel]')) {
      const current = document.querySelector(`[data-panel="${panel.dataset['panel']}"]`)
      if (current !== null) update(current, panel)
    }
    tick()
  } catch (error) {
    if (isOver(error)) showEnd()
  } finally {
    isUpdating = false
  }
  if (isWantedAgain) await showPanels()
}

/** Updates the panels at intervals, for changes without an event: the health of the vault, the use of a key. */
export function updatePeriodically(): void {
  setInterval(() => {
    if (document.visibilityState === 'visible') showNews()
  }, UPDATE_EVERY_MS)
}

/** Reads events until the session ends. */
export async function follow(onEvent: (event: HappenedEvent) => void): Promise<void> {
  for (;;) {
    try {
      const { body } = await call('GET', '/v1/events')
      show('Live', 'on')
      showNews() // for changes before the stream began
      if (body !== null) await read(body.pipeThrough(new TextDecoderStream()).getReader(), onEvent)
    } catch (error) {
      if (isOver(error)) return showEnd()
    }
    show('Reconnecting', 'off')
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}

async function read(reader: ReadableStreamDefaultReader<string>, onEvent: (event: HappenedEvent) => void) {
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const blocks = (text + value).split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (data !== undefined) onEvent(JSON.parse(data) as HappenedEvent)
    }
  }
}

function show(words: string, state: 'on' | 'off'): void {
  const live = byId('live')
  if (live.textContent !== words) live.textContent = words
  live.className = `live ${state}`
}
