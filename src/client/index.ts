/**
 * The package `catchd` for programs.
 *
 * Options are in camelCase, as JavaScript has it, and a time says its unit (`waitSeconds`). Answers are the API's JSON as it
 * comes, by the names of `schema/openapi.json`, and so is an entry of the configuration (`ProfileEntry`): one reference serves
 * both, types are written from it, and an answer can be printed or passed on as it is.
 */
export { CatchdError, type FailureCode } from '../failures.js'
export type * from './api-types.js'
export { CatchdClient, type LogoutAnswer } from './client.js'
export { DaemonError, type Mistake } from './daemon-error.js'
export type { DaemonEvent } from './event-stream.js'
export type {
  AdoptionRequest,
  CallOptions,
  CatchdClientOptions,
  CatchRequest,
  DiscoveryRequest,
  LoginRequest,
  NewClientRequest,
  ProofRequest,
  TokenOptions,
  WaitOptions,
} from './options.js'
