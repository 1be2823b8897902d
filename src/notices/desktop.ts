/**
 * A notification on the user's desktop, with the command that each platform includes.
 *
 * Texts are arguments or environment variables, never parts of a script. If the platform reads markup in them, it is
 * escaped. No library: the known ones are not maintained and contain binaries.
 */
import type { CommandCall } from './command.js'
import type { NoticeText } from './notice.js'

/** @param environment - Harmless variables; the command finds the desktop session with them. */
export function notificationCommand(
  platform: NodeJS.Platform,
  { title, body }: NoticeText,
  environment: NodeJS.ProcessEnv,
): CommandCall {
  switch (platform) {
    case 'darwin':
      return {
        command: ['osascript', ...OSASCRIPT.flatMap((line) => ['-e', line]), title, body],
        environment,
      }
    case 'win32':
      return {
        command: ['powershell.exe', '-NoProfile', '-NonInteractive', '-Command', POWERSHELL.join('; ')],
        environment: { ...environment, CATCHD_NOTICE_TITLE: title, CATCHD_NOTICE_BODY: body },
      }
    default:
      return { command: ['notify-send', '--app-name=catchd', title, escapeMarkup(body)], environment }
  }
}

/** The body is markup (Desktop Notifications Specification, "Markup"); the title is not. */
function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

const OSASCRIPT = [
  'on run argv',
  'display notification (item 2 of argv) with title (item 1 of argv)',
  'end run',
]

/** A toast needs the identity of a registered program. PowerShell's identity always exists. */
const POWERSHELL = [
  '$manager = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]',
  '$xml = $manager::GetTemplateContent([Windows.UI.Notifications.ToastTemplateType]::ToastText02)',
  "$texts = $xml.GetElementsByTagName('text')",
  '[void]$texts.Item(0).AppendChild($xml.CreateTextNode($env:CATCHD_NOTICE_TITLE))',
  '[void]$texts.Item(1).AppendChild($xml.CreateTextNode($env:CATCHD_NOTICE_BODY))',
  '$toast = New-Object Windows.UI.Notifications.ToastNotification $xml',
  "$manager::CreateToastNotifier('{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\\WindowsPowerShell\\v1.0\\powershell.exe').Show($toast)",
]
