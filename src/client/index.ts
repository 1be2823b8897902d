/**
 * The package `catchd` for programs.
 *
 * Options are in camelCase, and the name of a time contains its unit (`waitSeconds`). Answers and entries of the
 * configuration (`ProfileEntry`) are the JSON of the API, with the names of `schema/openapi.json`. So there is only one
 * reference, the types are generated from it, and programs can print or forward an answer unchanged.
 */
export { CatchdError, type FailureCode } from '../failures.js'
export type * from './api-types.js'
export { CatchdClient, type LogoutAnswer } from './client.js'
export { DaemonError, type Mistake } from './daemon-error.js'
export type { DaemonEvent } from './event-stream.js'
export type {
  AccessTokenOptions,
  AdoptionRequest,
  CallOptions,
  CancelOptions,
  CatchdClientOptions,
  CatchRequest,
  DiscoveryRequest,
  FetchOptions,
  LoginRequest,
  NewClientRequest,
  ProofRequest,
  RefreshOptions,
  TokenOptions,
  WaitOptions,
} from './options.js'
