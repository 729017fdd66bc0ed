// Small builders with good defaults for the pure core: a policy, people, reads, and a model of LiteLLM together
// with our records on which an allowed plan can be carried out.

import type { DirectoryGroup, DirectoryUser } from '../../lib/directory/directory.ts';
import { completeRead, incompleteRead, type Read } from '../../lib/directory/read.ts';
import type { GatewayKey, GatewayState, GatewayTeam, GatewayUser } from '../../lib/gateway/state.ts';
import { NO_MEMBER_LIMITS } from '../../lib/gateway/state.ts';
import {
  type EntraGroupId,
  type EntraUserId,
  hashKey,
  type KeyHash,
  parseEntraGroupId,
  parseEntraUserId,
} from '../../lib/ids.ts';
import { type Policy, parsePolicy } from '../../lib/policy/schema.ts';
import type { AppliedSettings } from '../../lib/store/applied-settings.ts';
import type { Action } from '../../lib/sync/actions.ts';
import type { CurrentState, KeyRecord, OwnedMembership } from '../../lib/sync/current.ts';
import { NO_DECISIONS } from '../../lib/sync/decisions.ts';
import type { GuardHistory } from '../../lib/sync/guard.ts';
import { markedMetadata, releasedMetadata } from '../../lib/sync/marker.ts';

export const groupId = (n: number): EntraGroupId =>
  parseEntraGroupId(`00000000-0000-4000-8000-${String(n).padStart(12, '0')}`);
export const userId = (n: number): EntraUserId =>
  parseEntraUserId(`10000000-0000-4000-8000-${String(n).padStart(12, '0')}`);

/** Nobody was removed lately and nobody decided anything. */
export const NO_HISTORY: GuardHistory = { recent: [], decisions: NO_DECISIONS };

export type PolicyOverrides = {
  roles?: ('member' | 'devops' | 'admin')[];
  protectedUsers?: string[];
  guard?: Policy['guard'];
  teamWithoutPolicy?: Policy['offboarding']['team_without_policy'];
};

const wideOpen = {
  always_allow: 0,
  run: { max_count: 1_000_000, max_percent: 100 },
  day: { max_count: 1_000_000, max_percent: 100 },
};
export const OPEN_GUARD: Policy['guard'] = { per_group: wideOpen, overall: wideOpen };

export function buildPolicy(
  groupCount: number,
  {
    roles = [],
    protectedUsers = [],
    guard = OPEN_GUARD,
    teamWithoutPolicy = 'archive',
  }: PolicyOverrides = {},
): Policy {
  return parsePolicy({
    version: 1,
    groups: Array.from({ length: groupCount }, (_, i) => ({
      entra_group: groupId(i + 1),
      team: `Team ${i + 1}`,
      role: roles[i] ?? 'member',
      models: ['gpt-4'],
      max_budget: 100,
      budget_duration: '30d',
    })),
    protected_users: protectedUsers,
    guard,
    offboarding: { grace_days: 30, team_without_policy: teamWithoutPolicy },
  });
}

export function buildUser(n: number, overrides: Partial<DirectoryUser> = {}): DirectoryUser {
  return {
    id: userId(n),
    displayName: `Person ${n}`,
    mail: `person${n}@example.com`,
    userPrincipalName: `person${n}@example.com`,
    accountEnabled: true,
    kind: 'member',
    ...overrides,
  };
}

/** Reads by group number; a missing or `null` group is an incomplete read. */
export function buildReads(
  groups: Record<number, readonly DirectoryUser[] | null>,
): Map<EntraGroupId, Read<DirectoryGroup>> {
  return new Map(
    Object.entries(groups).map(([n, members]) => {
      const id = groupId(Number(n));
      const read: Read<DirectoryGroup> = members
        ? completeRead({ id, members })
        : incompleteRead('unavailable', 'injected');
      return [id, read];
    }),
  );
}

/** LiteLLM and our records as one mutable model. `apply` follows LiteLLM's rules (facts/contract suite). */
export class Model {
  teams = new Map<string, GatewayTeam>();
  users = new Map<string, GatewayUser>();
  keys = new Map<KeyHash, GatewayKey>();
  memberships = new Map<string, OwnedMembership>();
  records = new Map<KeyHash, KeyRecord>();
  generations = new Map<string, number>();
  applied = { team: new Map<string, AppliedSettings>(), user: new Map<string, AppliedSettings>() };
  now = new Date('2026-01-01T00:00:00Z');
  #minted = 0;

  current(): CurrentState {
    const gateway: GatewayState = { teams: this.teams, users: this.users, keys: this.keys };
    return {
      now: this.now,
      applied: this.applied,
      gateway,
      memberships: [...this.memberships.values()],
      keys: [...this.records.values()],
      generations: this.generations,
    };
  }

  addTeam(team: Partial<GatewayTeam> & { teamId: string }): void {
    const defaults = {
      alias: null,
      models: [],
      maxBudgetUsd: null,
      budgetDuration: null,
      tpmLimit: null,
      rpmLimit: null,
      memberLimits: NO_MEMBER_LIMITS,
    };
    this.teams.set(team.teamId, { ...defaults, blocked: false, metadata: {}, members: [], ...team });
  }

  apply(actions: readonly Action[]): void {
    for (const action of actions) this.applyOne(action);
  }

  applyOne(action: Action): void {
    switch (action.kind) {
      case 'block_key': {
        this.#record(action.keyHash, {
          status: 'blocked',
          heldByHand: action.heldByHand,
          blockedAt: this.now,
        });
        const key = this.keys.get(action.keyHash);
        if (key) this.keys.set(action.keyHash, { ...key, blocked: true, teamId: null });
        return;
      }
      case 'remove_member': {
        this.memberships.delete(`${action.teamId}/${action.userId}`);
        const team = this.#team(action.teamId);
        this.teams.set(action.teamId, {
          ...team,
          members: team.members.filter((member) => member.userId !== action.userId),
        });
        for (const key of this.keys.values())
          if (key.teamId === action.teamId && key.userId === action.userId) this.keys.delete(key.keyHash);
        return;
      }
      case 'demote_user':
        this.#user(action.userId, { role: action.after });
        return;
      case 'delete_user':
        this.users.delete(action.userId);
        return;
      case 'retire_key':
      case 'delete_key':
        this.keys.delete(action.keyHash);
        this.records.delete(action.keyHash);
        return;
      case 'create_team':
        this.applied.team.set(action.teamId, action.settings);
        this.addTeam({
          teamId: action.teamId,
          ...action.settings,
          metadata: markedMetadata(),
          members: [{ userId: 'default_user_id', role: 'admin' }],
        });
        return;
      case 'archive_team':
        this.teams.set(action.teamId, {
          ...this.#team(action.teamId),
          blocked: true,
          metadata: markedMetadata({ archived: true }),
        });
        return;
      case 'restore_team':
        this.teams.set(action.teamId, {
          ...this.#team(action.teamId),
          blocked: false,
          metadata: markedMetadata(),
        });
        return;
      case 'release_team':
        this.applied.team.delete(action.teamId);
        this.teams.set(action.teamId, { ...this.#team(action.teamId), metadata: releasedMetadata() });
        for (const [key, { teamId }] of this.memberships)
          if (teamId === action.teamId) this.memberships.delete(key);
        for (const [keyHash, { teamId }] of this.records)
          if (teamId === action.teamId) this.records.delete(keyHash);
        return;
      case 'update_team':
        this.applied.team.set(action.teamId, {
          ...this.applied.team.get(action.teamId),
          ...action.after,
        });
        this.teams.set(action.teamId, { ...this.#team(action.teamId), ...action.after });
        return;
      case 'create_user':
        this.users.set(action.userId, {
          userId: action.userId,
          ssoUserId: action.userId,
          ...action.fields,
          metadata: markedMetadata(),
        });
        return;
      case 'add_member': {
        const team = this.#team(action.teamId);
        this.memberships.set(`${action.teamId}/${action.userId}`, {
          teamId: action.teamId,
          userId: action.userId,
        });
        this.teams.set(action.teamId, {
          ...team,
          members: [...team.members, { userId: action.userId, role: 'user' }],
        });
        if (!this.users.has(action.userId)) {
          this.users.set(action.userId, {
            userId: action.userId,
            ssoUserId: null,
            email: null,
            alias: null,
            role: 'internal_user',
            metadata: {},
          });
        }
        return;
      }
      case 'update_user':
        this.#user(action.userId, {
          ...action.after,
          ...(action.mark ? { metadata: markedMetadata() } : {}),
        });
        return;
      case 'restore_key': {
        const key = this.keys.get(action.keyHash);
        if (key)
          this.keys.set(action.keyHash, {
            ...key,
            teamId: action.teamId,
            blocked: action.unblock ? false : key.blocked,
          });
        this.#record(action.keyHash, { status: 'live', heldByHand: false, blockedAt: null, endsAt: null });
        return;
      }
      case 'confirm_key':
        this.#record(action.keyHash, { status: 'live', heldByHand: false });
        return;
      case 'mint_key': {
        const { userId, teamId, generation } = action;
        if (action.replaces) this.records.delete(action.replaces);
        this.#minted += 1;
        const keyHash = hashKey(`sk-${this.#minted}-${userId}-${teamId}`);
        this.keys.set(keyHash, {
          keyHash,
          alias: null,
          userId,
          teamId,
          blocked: false,
          expiresAt: null,
          metadata: markedMetadata(),
        });
        this.records.set(keyHash, {
          keyHash,
          userId,
          teamId,
          generation,
          status: 'live',
          heldByHand: false,
          kind: 'member',
          blockedAt: null,
          endsAt: null,
        });
        this.generations.set(`${userId}/${teamId}`, generation);
      }
    }
  }

  /** Keys of the person in the team that answer 200. */
  workingKeys(userId: string, teamId: string): GatewayKey[] {
    return [...this.keys.values()].filter(
      (key) => key.userId === userId && key.teamId === teamId && !key.blocked,
    );
  }

  #team(teamId: string): GatewayTeam {
    const team = this.teams.get(teamId);
    if (!team) throw new Error(`no team ${teamId}`);
    return team;
  }

  #user(userId: string, change: Partial<GatewayUser>): void {
    const user = this.users.get(userId);
    if (!user) throw new Error(`no user ${userId}`);
    this.users.set(userId, { ...user, ...change });
  }

  #record(keyHash: KeyHash, change: Partial<KeyRecord>): void {
    const record = this.records.get(keyHash);
    if (!record) throw new Error(`no record ${keyHash}`);
    this.records.set(keyHash, { ...record, ...change });
  }
}
