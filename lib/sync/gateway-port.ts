// What reconcile asks of LiteLLM, and nothing more. lib/gateway fulfils it; so do the tests' fakes.

import type { GatewayMetadata, GatewayTeam } from '../gateway/state.ts';
import type { EntraGroupId, EntraUserId, KeyHash } from '../ids.ts';
import type { Secret } from '../secret.ts';
import type { TeamSettings } from './desired.ts';

export type NewTeam = TeamSettings & {
  readonly teamId: EntraGroupId;
  readonly metadata: GatewayMetadata;
  readonly memberUserIds: readonly EntraUserId[];
};

export type UserUpdate = {
  readonly userId: EntraUserId;
  readonly ssoUserId?: string;
  readonly email?: string;
  readonly alias?: string;
  readonly role?: string;
  readonly metadata?: GatewayMetadata;
};

export type UserUpdateOutcome = { readonly userId: string; readonly error?: string };

/** All methods time out by themselves, stop on the signal, and throw GATEWAY_… errors. Repeats are harmless. */
export type ApplyGateway = {
  readTeam(teamId: EntraGroupId, signal: AbortSignal): Promise<GatewayTeam | undefined>;
  createTeam(team: NewTeam, signal: AbortSignal): Promise<'created' | 'already-exists'>;
  updateTeam(teamId: EntraGroupId, changes: Partial<TeamSettings>, signal: AbortSignal): Promise<void>;
  addTeamMembers(teamId: EntraGroupId, userIds: readonly EntraUserId[], signal: AbortSignal): Promise<void>;
  removeTeamMember(
    teamId: EntraGroupId,
    userId: EntraUserId,
    signal: AbortSignal,
  ): Promise<'removed' | 'already-absent'>;
  updateUsers(updates: readonly UserUpdate[], signal: AbortSignal): Promise<readonly UserUpdateOutcome[]>;
  generateKey(
    key: { key: Secret; alias: string; userId: EntraUserId; teamId: EntraGroupId; metadata: GatewayMetadata },
    signal: AbortSignal,
  ): Promise<{ readonly keyHash: KeyHash }>;
  blockKey(keyHash: KeyHash, signal: AbortSignal): Promise<'blocked' | 'absent'>;
  unblockKey(keyHash: KeyHash, signal: AbortSignal): Promise<'unblocked' | 'absent'>;
  moveKey(keyHash: KeyHash, teamId: EntraGroupId | null, signal: AbortSignal): Promise<'moved' | 'absent'>;
  deleteKeys(keyHashes: readonly KeyHash[], signal: AbortSignal): Promise<readonly KeyHash[]>;
};
