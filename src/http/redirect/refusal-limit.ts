/** Every program on the machine can send requests. Their refusals must not push the other events out of the log. */
import type { Clock } from '../../clock.js'

const MOST_PER_MINUTE = 100

/** @returns The same function, but it does nothing after a hundred calls in a minute. */
export function perMinute<Event>(
  clock: Pick<Clock, 'now'>,
  log: (event: Event) => void,
): (event: Event) => void {
  let current = { minute: 0, count: 0 }
  return (event) => {
    const minute = Math.floor(clock.now() / 60_000)
    if (current.minute !== minute) current = { minute, count: 0 }
    current.count += 1
    if (current.count <= MOST_PER_MINUTE) log(event)
  }
}
