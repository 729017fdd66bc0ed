// A large company and a LiteLLM that is a little behind it, made for the planning bench: of each group one percent
// has left and one percent is new. The same on every run, so that two runs can compare digests.

import type { DirectoryGroup, DirectoryUser } from '../../lib/directory/directory.ts';
import { completeRead, type Read } from '../../lib/directory/read.ts';
import type { GatewayKey, GatewayTeam, GatewayUser } from '../../lib/gateway/state.ts';
import { NO_MEMBER_LIMITS } from '../../lib/gateway/state.ts';
import {
  type EntraGroupId,
  type EntraUserId,
  hashKey,
  type KeyHash,
  parseEntraGroupId,
  parseEntraUserId,
} from '../../lib/ids.ts';
import type { Policy } from '../../lib/policy/schema.ts';
import type { CurrentState, KeyRecord, OwnedMembership } from '../../lib/sync/current.ts';
import { markedMetadata } from '../../lib/sync/marker.ts';
import { seedGroupId, seedUserId } from '../world/tenant/seed.ts';
import { benchPolicy } from './policy.ts';

export type PlanCompany = {
  readonly policy: Policy;
  readonly reads: ReadonlyMap<EntraGroupId, Read<DirectoryGroup>>;
  readonly current: CurrentState;
};

/** One in so many members of a group has left, and as many are new. */
const ONE_IN = 100;

/** `memberCount` people in LiteLLM, spread evenly over `groupCount` groups, one group each. */
export function buildPlanCompany(memberCount: number, groupCount: number): PlanCompany {
  const policy = benchPolicy(Array.from({ length: groupCount }, (_, group) => seedGroupId(group + 1)));
  const reads = new Map<EntraGroupId, Read<DirectoryGroup>>();
  const teams = new Map<string, GatewayTeam>();
  const users = new Map<string, GatewayUser>();
  const keys = new Map<KeyHash, GatewayKey>();
  const memberships: OwnedMembership[] = [];
  const records: KeyRecord[] = [];
  const generations = new Map<string, number>();

  for (const [index, { entra_group: teamId, team: alias, models }] of policy.groups.entries()) {
    const first = Math.floor((index * memberCount) / groupCount) + 1;
    const last = Math.floor(((index + 1) * memberCount) / groupCount);
    const present = range(first, last).map((position) => parseEntraUserId(seedUserId(position)));
    const wanted: DirectoryUser[] = [];
    for (const [n, userId] of present.entries()) {
      users.set(userId, toRow(userId));
      memberships.push({ teamId, userId });
      const keyHash = hashKey(`${userId}/${teamId}`);
      keys.set(keyHash, toKey(keyHash, userId, teamId));
      records.push({
        keyHash,
        userId,
        teamId,
        generation: 1,
        status: 'live',
        heldByHand: false,
        kind: 'member',
        blockedAt: null,
        endsAt: null,
      });
      generations.set(`${userId}/${teamId}`, 1);
      const hasLeft = n % ONE_IN === 0;
      wanted.push(toPerson(hasLeft ? parseEntraUserId(seedUserId(memberCount + first + n)) : userId));
    }
    reads.set(teamId, completeRead({ id: parseEntraGroupId(teamId), displayName: alias, members: wanted }));
    const members = present.map((userId) => ({ userId: userId as string, role: 'user' }));
    teams.set(teamId, toTeam(teamId, alias, models, members));
  }
  return {
    policy,
    reads,
    current: {
      now: new Date(0),
      applied: { team: new Map(), user: new Map() },
      gateway: { teams, users, keys },
      memberships,
      keys: records,
      generations,
    },
  };
}

function toPerson(id: EntraUserId): DirectoryUser {
  const mail = mailOf(id);
  return { id, displayName: nameOf(id), mail, userPrincipalName: mail, accountEnabled: true, kind: 'member' };
}

function toRow(userId: EntraUserId): GatewayUser {
  return {
    userId,
    ssoUserId: userId,
    email: mailOf(userId),
    alias: nameOf(userId),
    role: 'internal_user',
    metadata: markedMetadata(),
  };
}

function toKey(keyHash: KeyHash, userId: EntraUserId, teamId: EntraGroupId): GatewayKey {
  return {
    keyHash,
    alias: `lcp/${userId}/${teamId}/g1/${keyHash.slice(0, 8)}`,
    userId,
    teamId,
    blocked: false,
    expiresAt: null,
    metadata: markedMetadata({ generation: 1 }),
  };
}

function toTeam(
  teamId: EntraGroupId,
  alias: string,
  models: readonly string[],
  members: GatewayTeam['members'],
): GatewayTeam {
  return {
    teamId,
    alias,
    models,
    maxBudgetUsd: 100,
    budgetDuration: '30d',
    tpmLimit: null,
    rpmLimit: null,
    memberLimits: NO_MEMBER_LIMITS,
    blocked: false,
    metadata: markedMetadata(),
    members: [{ userId: 'default_user_id', role: 'admin' }, ...members],
  };
}

const mailOf = (userId: EntraUserId) => `person.${Number.parseInt(userId.slice(-12), 16)}@contoso.example`;
const nameOf = (userId: EntraUserId) => `Person ${Number.parseInt(userId.slice(-12), 16)}`;

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
