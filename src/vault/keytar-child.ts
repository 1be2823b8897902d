/**
 * The process that keytar runs in. When a keychain hangs, it can be killed without harm. In the daemon itself, keytar
 * would block the threads that files and DNS need.
 *
 * Requests come over the IPC channel. Changes happen one after the other, so that two changes of one item keep their
 * order. Reads do not wait. findCredentials is never called: it crashes on a locked keyring. Ends with its parent.
 */
import '../process/no-debugger.js'

interface Request {
  readonly id: number
  readonly call: 'get' | 'set' | 'delete'
  readonly service: string
  readonly account: string
  /** Of `set`. */
  readonly value?: string
}

const send = (message: object) => {
  if (process.connected) process.send?.(message)
}
const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

async function serve(): Promise<void> {
  const { default: keytar } = await import('keytar')

  const carryOut = async (request: Request) => {
    const { service, account } = request
    if (request.call === 'get') return keytar.getPassword(service, account)
    if (request.call === 'delete') return keytar.deletePassword(service, account)
    await keytar.setPassword(service, account, request.value ?? '')
    return null
  }
  const answer = async (request: Request) => {
    try {
      send({ id: request.id, result: await carryOut(request) })
    } catch (error) {
      send({ id: request.id, failure: textOf(error) })
    }
  }
  let lastChange = Promise.resolve()
  process.on('message', (request: Request) => {
    if (request.call === 'get') void answer(request)
    else lastChange = lastChange.then(() => answer(request))
  })
  send({ ready: true })
}

process.on('disconnect', () => process.exit())
serve().catch((error: unknown) => {
  send({ ready: false, failure: textOf(error) })
  process.disconnect?.()
})
