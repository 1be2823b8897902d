/** What the package `catchd` exports to programs. */
export { CatchdError, type FailureCode, type Problem } from '../failures.js'
export {
  type CallOptions,
  CatchdClient,
  type CatchdClientOptions,
  type DiscoveryRequest,
  type LoginRequest,
  type NewClientRequest,
  type ProofRequest,
  type TokenOptions,
  type WaitOptions,
} from './client.js'
export type { DaemonEvent } from './event-stream.js'
export type {
  ClientAnswer,
  ClientWithKey,
  DaemonStatus,
  IdTokenAnswer,
  InspectionAnswer,
  KeyAction,
  LoginAnswer,
  LoginReport,
  LoginStatus,
  LogoutAnswer,
  ProfileAnswer,
  ProfileEntry,
  ProfileStatusName,
  ProofAnswer,
  StoredTokenSet,
  TokenAnswer,
  VaultMigration,
} from './wire.js'
