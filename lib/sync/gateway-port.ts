// What reconcile asks of LiteLLM, and nothing more. lib/gateway fulfils it; so can a test's stand-in.

import type { Gateway } from '../gateway/client.ts';

/** All methods time out by themselves, stop on the signal, and throw GATEWAY_ errors. Repeats are harmless. */
export type ApplyGateway = Pick<
  Gateway,
  | 'readTeam'
  | 'readLastChange'
  | 'createTeam'
  | 'updateTeam'
  | 'blockTeam'
  | 'unblockTeam'
  | 'addTeamMembers'
  | 'removeTeamMember'
  | 'createUsers'
  | 'updateUsers'
  | 'generateKey'
  | 'blockKey'
  | 'unblockKey'
  | 'moveKey'
  | 'deleteKeys'
  | 'listKeysOf'
  | 'deleteUser'
>;
