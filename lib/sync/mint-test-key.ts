// A test key for somebody of DevOps or an Admin: short-lived, with a small budget, shown once and never stored. It ends
// with the person's own: whoever leaves the team loses it as well. Killed in between, nobody has seen it, and the next
// run ends it.

import type { Clock } from '../clock.ts';
import { ControlError } from '../errors.ts';
import type { EntraGroupId, EntraUserId, RunId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Policy } from '../policy/schema.ts';
import type { Secret } from '../secret.ts';
import { recordAudit } from '../store/audit.ts';
import type { Database } from '../store/database.ts';
import { updateSettled } from '../store/directory-state.ts';
import { insertEscrowedKey, listKeysOf, markKeyLive, markKeyRevealed } from '../store/keys.ts';
import { requireLease } from '../store/lease.ts';
import { listMemberships } from '../store/memberships.ts';
import type { MintKey } from './apply-context.ts';
import type { ApplyGateway } from './gateway-port.ts';
import { markedMetadata } from './marker.ts';
import { withLease } from './run-lease.ts';

export type TestKeyParts = {
  readonly database: Database;
  readonly policy: Policy;
  readonly gateway: Pick<ApplyGateway, 'generateKey'>;
  readonly mintKey: MintKey;
  readonly clock: Clock;
  readonly log: Log;
};
export type TestKeyRequest = {
  readonly userId: EntraUserId;
  readonly teamId: EntraGroupId;
  readonly runId: RunId;
  readonly actor: string;
  readonly signal: AbortSignal;
};

/** The plaintext, which exists nowhere else. @throws ControlError TEST_KEY_REFUSED, LEASE_HELD, GATEWAY_… */
export async function mintTestKey(parts: TestKeyParts, request: TestKeyRequest): Promise<Secret> {
  const { database, policy, clock } = parts;
  const { userId, teamId, actor, runId } = request;
  return withLease(parts, runId, request.signal, async (lease, signal) => {
    await requireEntitled(database, policy, request);
    const keys = (await listKeysOf(database, [userId])).filter((key) => key.teamId === teamId);
    const generation = Math.max(0, ...keys.map((key) => key.generation)) + 1;
    const { plaintext, keyHash, alias, jwe } = await parts.mintKey({ userId, teamId, generation });
    const { hours, max_budget: maxBudgetUsd } = policy.test_keys;
    await database.transaction(async (transaction) => {
      await requireLease(transaction, lease);
      await insertEscrowedKey(
        transaction,
        { keyHash, userId, teamId, alias, generation, jwe, testHours: hours },
        null,
      );
      await updateSettled(transaction, null);
    });
    const metadata = markedMetadata({ generation, kind: 'test' });
    const limits = { hours, maxBudgetUsd };
    await parts.gateway.generateKey({ key: plaintext, alias, userId, teamId, metadata, limits }, signal);
    await database.transaction(async (transaction) => {
      await requireLease(transaction, lease);
      await markKeyLive(transaction, keyHash);
      await markKeyRevealed(transaction, keyHash);
      const details = { generation, hours, maxBudgetUsd };
      const entry = { actor, event: 'test_key_minted', userId, teamId, keyHash, details };
      await recordAudit(transaction, [entry], clock.now());
    });
    return plaintext;
  });
}

async function requireEntitled(
  database: Database,
  policy: Policy,
  { userId, teamId }: TestKeyRequest,
): Promise<void> {
  const mine = new Set(
    (await listMemberships(database))
      .filter((membership) => membership.userId === userId)
      .map((membership) => membership.teamId),
  );
  const isOperator = policy.groups.some(
    (group) => mine.has(group.entra_group) && (group.role === 'devops' || group.role === 'admin'),
  );
  if (isOperator && mine.has(teamId)) return;
  const message = isOperator
    ? 'The person is not in that team; name a group of theirs.'
    : 'Test keys are for people in a group whose role in policy.yml is devops or admin.';
  throw new ControlError('TEST_KEY_REFUSED', message, { details: { userId, teamId } });
}
