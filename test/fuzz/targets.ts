/** All fuzz targets, in the order in which they run. */
import { hostileUpstreams } from '../proxy/hostile-upstreams.js'
import type { FuzzTarget } from './target.js'
import { apiRequests } from './targets/api-requests.js'
import { commandArguments, helperInputs, importFiles } from './targets/commands.js'
import { configurationTexts } from './targets/configuration-texts.js'
import { discovery } from './targets/discovery.js'
import { redirectRequests } from './targets/redirect-requests.js'
import { signedTokens } from './targets/signed-tokens.js'
import { storedFiles } from './targets/stored-files.js'
import { tokenAnswers } from './targets/token-answers.js'

export const TARGETS = [
  tokenAnswers,
  signedTokens,
  discovery,
  redirectRequests,
  apiRequests,
  importFiles,
  configurationTexts,
  storedFiles,
  helperInputs,
  commandArguments,
  hostileUpstreams,
  // biome-ignore lint/suspicious/noExplicitAny: each target has its own kind of input
] as const satisfies readonly FuzzTarget<any>[] as readonly FuzzTarget<any>[]
