// Renaming between LiteLLM's ids and ours loses nothing and never lets two rows collide.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createIdentityMap,
  type IdentityPair,
  NO_IDENTITIES,
  renameState,
  renameTeamId,
  renameUserId,
} from '../../lib/gateway/identity-map.ts';
import type { GatewayState } from '../../lib/gateway/state.ts';
import { NO_MEMBER_LIMITS } from '../../lib/gateway/state.ts';
import { hashKey } from '../../lib/ids.ts';

/** Few ids, so that rows made under an Entra id that is taken are among them. */
const entraIds = Array.from({ length: 6 }, (_, i) => `00000000-0000-4000-8000-00000000000${i}`);
const handIds = ['a', 'b', 'c', 'd', 'e', 'f'];
const anyId = fc.constantFrom(...entraIds, ...handIds);
const pairs: fc.Arbitrary<IdentityPair[]> = fc
  .tuple(fc.shuffledSubarray(entraIds), fc.shuffledSubarray(handIds), fc.constantFrom('team', 'user'))
  .map(([entra, hand, kind]) =>
    entra
      .slice(0, hand.length)
      .map((entraId, i) => ({ kind: kind as 'team' | 'user', entraId, gatewayId: hand[i] ?? entraId })),
  );
const metadata = {};
const state: fc.Arbitrary<GatewayState> = fc
  .record({
    teams: fc.uniqueArray(anyId),
    users: fc.uniqueArray(anyId),
    members: fc.uniqueArray(anyId),
    keys: fc.array(fc.tuple(fc.option(anyId), fc.option(anyId)), { maxLength: 6 }),
  })
  .map(({ teams, users, members, keys }) => ({
    digest: 'as it was',
    teams: new Map(
      teams.map((teamId) => [
        teamId,
        {
          teamId,
          alias: null,
          models: [],
          maxBudgetUsd: null,
          budgetDuration: null,
          tpmLimit: null,
          rpmLimit: null,
          memberLimits: NO_MEMBER_LIMITS,
          blocked: false,
          metadata,
          members: members.map((userId) => ({ userId, role: 'user' })),
        },
      ]),
    ),
    users: new Map(
      users.map((userId) => [
        userId,
        { userId, ssoUserId: null, email: null, alias: null, role: null, metadata },
      ]),
    ),
    keys: new Map(
      keys.map(([userId, teamId], i) => {
        const keyHash = hashKey(`sk-${i}`);
        return [keyHash, { keyHash, alias: null, userId, teamId, blocked: false, expiresAt: null, metadata }];
      }),
    ),
  }));

test('renaming twice gives back the very state, and no row is lost on the way', () => {
  fc.assert(
    fc.property(pairs, state, (given, before) => {
      const map = createIdentityMap(given);

      const renamed = renameState(map, before);

      expect(renamed.teams.size).toBe(before.teams.size);
      expect(renamed.users.size).toBe(before.users.size);
      for (const [id, team] of renamed.teams) expect(team.teamId).toBe(id);
      expect(renameState(map, renamed)).toEqual(before);
      expect(renamed.digest).toBe(before.digest);
    }),
  );
});

test('every id that was taken over reads as Entra’s, and every other as it is', () => {
  fc.assert(
    fc.property(pairs, anyId, (given, id) => {
      const map = createIdentityMap(given);
      const pair = given.find(({ entraId, gatewayId }) => entraId === id || gatewayId === id);
      const expected = pair === undefined ? id : pair.entraId === id ? pair.gatewayId : pair.entraId;

      const [renamed, other] =
        given[0]?.kind === 'user'
          ? [renameUserId(map, id), renameTeamId(map, id)]
          : [renameTeamId(map, id), renameUserId(map, id)];

      expect(renamed).toBe(expected);
      expect(other).toBe(id);
    }),
  );
});

test('without adoptions the state is passed on untouched', () => {
  const empty: GatewayState = { teams: new Map(), users: new Map(), keys: new Map() };

  expect(renameState(NO_IDENTITIES, empty)).toBe(empty);
});

test('a pair whose id stands for something else already is refused', () => {
  const [first = '', second = ''] = entraIds;
  const chain: IdentityPair[] = [
    { kind: 'user', entraId: first, gatewayId: second },
    { kind: 'user', entraId: second, gatewayId: 'a' },
  ];

  expect(() => createIdentityMap(chain)).toThrow(expect.objectContaining({ code: 'ADOPTION_REFUSED' }));
  expect(createIdentityMap([{ kind: 'user', entraId: first, gatewayId: first }]).userIds.size).toBe(1);
});
