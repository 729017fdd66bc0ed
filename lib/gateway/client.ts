// Everything the control plane asks of LiteLLM, behind one narrow interface. The rules of each call stand beside
// its endpoint in teams, users, keys and health; how calls are made, in transport.

import type { KeyHash } from '../ids.ts';
import { type GatewayHealth, readHealth } from './health.ts';
import {
  blockKey,
  deleteKeys,
  generateKey,
  type KeyDates,
  listKeyDates,
  listKeys,
  listKeysOf,
  moveKey,
  type NewKey,
  readKey,
  unblockKey,
  updateKeyMetadata,
} from './keys.ts';
import { type ChangedRow, type LastChange, readLastChange } from './last-change.ts';
import type { GatewayKey, GatewayMetadata, GatewayTeam, GatewayUser } from './state.ts';
import {
  addTeamMembers,
  blockTeam,
  createTeam,
  listTeams,
  type NewTeam,
  readTeam,
  removeTeamMember,
  type TeamChanges,
  unblockTeam,
  updateTeam,
} from './teams.ts';
import { createTransport, type TransportOptions } from './transport.ts';
import {
  type CreateUserOutcome,
  createUsers,
  deleteUser,
  listUsers,
  type NewUser,
  type UpdateUserOutcome,
  type UserChange,
  updateUsers,
} from './users.ts';

/** Every method throws a ControlError with a GATEWAY_ code, or the signal's reason. */
export type Gateway = {
  readHealth(signal: AbortSignal): Promise<GatewayHealth>;
  listTeams(signal: AbortSignal): Promise<readonly GatewayTeam[]>;
  listUsers(signal: AbortSignal): Promise<readonly GatewayUser[]>;
  listKeys(signal: AbortSignal): Promise<readonly GatewayKey[]>;
  listKeysOf(userId: string, signal: AbortSignal): Promise<readonly GatewayKey[]>;
  listKeyDates(signal: AbortSignal): Promise<ReadonlyMap<KeyHash, KeyDates>>;
  readTeam(teamId: string, signal: AbortSignal): Promise<GatewayTeam | undefined>;
  readLastChange(row: ChangedRow, signal: AbortSignal): Promise<LastChange>;
  readKey(keyHash: KeyHash, signal: AbortSignal): Promise<GatewayKey | undefined>;
  createUsers(users: readonly NewUser[], signal: AbortSignal): Promise<readonly CreateUserOutcome[]>;
  updateUsers(changes: readonly UserChange[], signal: AbortSignal): Promise<readonly UpdateUserOutcome[]>;
  deleteUser(userId: string, signal: AbortSignal): Promise<'deleted' | 'absent'>;
  createTeam(team: NewTeam, signal: AbortSignal): Promise<'created' | 'already-exists'>;
  updateTeam(teamId: string, changes: TeamChanges, signal: AbortSignal): Promise<'updated' | 'absent'>;
  blockTeam(teamId: string, signal: AbortSignal): Promise<'blocked' | 'absent'>;
  unblockTeam(teamId: string, signal: AbortSignal): Promise<'unblocked' | 'absent'>;
  addTeamMembers(teamId: string, userIds: readonly string[], signal: AbortSignal): Promise<void>;
  removeTeamMember(
    teamId: string,
    userId: string,
    signal: AbortSignal,
  ): Promise<'removed' | 'already-absent'>;
  generateKey(key: NewKey, signal: AbortSignal): Promise<{ readonly keyHash: KeyHash }>;
  blockKey(keyHash: KeyHash, signal: AbortSignal): Promise<'blocked' | 'absent'>;
  unblockKey(keyHash: KeyHash, signal: AbortSignal): Promise<'unblocked' | 'absent'>;
  moveKey(keyHash: KeyHash, teamId: string | null, signal: AbortSignal): Promise<'moved' | 'absent'>;
  updateKeyMetadata(
    keyHash: KeyHash,
    metadata: GatewayMetadata,
    signal: AbortSignal,
  ): Promise<'updated' | 'absent'>;
  deleteKeys(keyHashes: readonly KeyHash[], signal: AbortSignal): Promise<readonly KeyHash[]>;
};

export type GatewayOptions = TransportOptions;

/** Makes the client. It connects on the first call and holds nothing but its limit of concurrent calls. */
export function createGateway(options: GatewayOptions): Gateway {
  const transport = createTransport(options);
  return {
    readHealth: (signal) => readHealth(transport, signal),
    listTeams: (signal) => listTeams(transport, signal),
    listUsers: (signal) => listUsers(transport, signal),
    listKeys: (signal) => listKeys(transport, signal),
    listKeysOf: (userId, signal) => listKeysOf(transport, userId, signal),
    listKeyDates: (signal) => listKeyDates(transport, signal),
    readTeam: (teamId, signal) => readTeam(transport, teamId, signal),
    readLastChange: (row, signal) => readLastChange(transport, row, signal),
    readKey: (keyHash, signal) => readKey(transport, keyHash, signal),
    createUsers: (users, signal) => createUsers(transport, users, signal),
    updateUsers: (changes, signal) => updateUsers(transport, changes, signal),
    deleteUser: (userId, signal) => deleteUser(transport, userId, signal),
    createTeam: (team, signal) => createTeam(transport, team, signal),
    updateTeam: (teamId, changes, signal) => updateTeam(transport, teamId, changes, signal),
    blockTeam: (teamId, signal) => blockTeam(transport, teamId, signal),
    unblockTeam: (teamId, signal) => unblockTeam(transport, teamId, signal),
    addTeamMembers: (teamId, userIds, signal) => addTeamMembers(transport, teamId, userIds, signal),
    removeTeamMember: (teamId, userId, signal) => removeTeamMember(transport, teamId, userId, signal),
    generateKey: (key, signal) => generateKey(transport, key, signal),
    blockKey: (keyHash, signal) => blockKey(transport, keyHash, signal),
    unblockKey: (keyHash, signal) => unblockKey(transport, keyHash, signal),
    moveKey: (keyHash, teamId, signal) => moveKey(transport, keyHash, teamId, signal),
    updateKeyMetadata: (keyHash, metadata, signal) => updateKeyMetadata(transport, keyHash, metadata, signal),
    deleteKeys: (keyHashes, signal) => deleteKeys(transport, keyHashes, signal),
  };
}
