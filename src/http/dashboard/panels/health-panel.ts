/** The panel with the state of the vault, the listeners and the configuration, and the alerts at the top of the page. */
import { CatchdError } from '../../../failures.js'
import { vaultName } from '../../../vault/vault-kinds.js'
import type { DaemonStatus } from '../../api/services.js'
import { type Html, html } from '../../redirect/pages/html.js'
import { fact } from '../../redirect/pages/page.js'
import type { Overview } from '../overview.js'
import { badge, failureBox, relativeTime } from './pieces.js'

export function healthPanel({ status, nowMs }: Overview): Html {
  if (status instanceof CatchdError) return failureBox(status)
  const { vault, listeners, config, version, pid, started_at } = status
  return html`<dl>
${fact('Vault', html`${vaultName(vault)} ${badge(vault.health === 'ok' ? 'done' : 'failed', vault.health)}${fallback(vault)}`)}
${fact('Redirects', addresses(listeners.redirect))}
${fact('API', addresses(listeners.tcp === null ? [] : [listeners.tcp]))}
${fact('Socket', html`<code>${listeners.socket ?? 'none'}</code>`)}
${fact('Configuration', html`<code>${config.path}</code> ${config.ok ? null : badge('failed', 'not in use')}`)}
${fact('Daemon', html`${version}, process ${pid}, started ${relativeTime(Date.parse(started_at), nowMs)}`)}
</dl>`
}

/** Why it is the sealed file although nobody chose that. What makes a vault unusable is an alert. */
function fallback({ health, reason, next }: DaemonStatus['vault']): Html | null {
  if (health !== 'ok' || reason === null) return null
  return html`<small>${reason}${next === null ? null : html` Run next: <code>${next}</code>`}</small>`
}

function addresses(list: readonly string[]): Html {
  if (list.length === 0) return badge('failed', 'none')
  return html`${list.map((address) => html`<code>${address}</code> `)}`
}

/** The alerts at the top of the page; empty if there is no problem. */
export function alerts({ status }: Overview): Html {
  if (status instanceof CatchdError) return html``
  return html`${troubles(status).map(([message, next]) => failureBox({ message, next }))}`
}

function troubles({ vault, config, listeners, locked, lock_error }: DaemonStatus) {
  const all: (readonly [text: string, next: string] | false)[] = [
    locked && ['catchd is locked. It gives out no tokens until you unlock it.', 'catchd unlock'],
    lock_error !== null && [lock_error, 'catchd lock --passphrase'],
    vault.health === 'locked' &&
      !locked && [
        `${vault.reason ?? 'The vault is locked.'} catchd still serves the tokens in memory.`,
        vault.next ?? 'catchd vault status',
      ],
    vault.health === 'unavailable' && [
      `The vault cannot be used. ${vault.reason ?? ''}`.trim(),
      vault.next ?? 'catchd doctor',
    ],
    vault.unsaved.length > 0 && [
      `The newest tokens of ${vault.unsaved.join(', ')} are only in memory. catchd keeps trying to store them.`,
      'catchd vault status',
    ],
    !config.ok && [
      `The configuration file is not valid, so catchd uses the last valid one. ${config.error ?? ''}`.trim(),
      'catchd profile edit',
    ],
    listeners.redirect.length === 0 && [
      'catchd cannot receive authorization responses: another program uses the port.',
      'catchd status',
    ],
  ]
  return all.filter((trouble) => trouble !== false)
}
