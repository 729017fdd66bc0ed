// One item of an adoption each: LiteLLM is marked, then it is recorded with its audit row. A repeat after a kill between
// the two marks again, which changes nothing, and records.

import { ControlError } from '../../errors.ts';
import type { Gateway } from '../../gateway/client.ts';
import type { RunId } from '../../ids.ts';
import { markAdopted } from '../../store/adoptions.ts';
import type { AuditEntry } from '../../store/audit-chain.ts';
import type { Queryable } from '../../store/database.ts';
import { insertAdoptedKey } from '../../store/keys.ts';
import { insertMemberships } from '../../store/memberships.ts';
import { isManaged, markedMetadata } from '../marker.ts';
import type { KeyStep, TeamStep, UserStep } from './check.ts';

/** LiteLLM under its own ids. */
export type AdoptGateway = Pick<Gateway, 'updateTeam' | 'updateUsers' | 'updateKeyMetadata'>;

/** One transaction under the lease. */
export type Write = (
  entries: readonly Omit<AuditEntry, 'actor' | 'runId'>[],
  work: (transaction: Queryable) => Promise<void>,
) => Promise<void>;

export async function adoptUsers(
  users: readonly UserStep[],
  gateway: AdoptGateway,
  write: Write,
  signal: AbortSignal,
): Promise<void> {
  const changes = users.flatMap(({ row, follow }) =>
    follow === undefined || isManaged(row)
      ? []
      : [{ userId: row.userId, metadata: { ...row.metadata, ...markedMetadata() }, ...follow }],
  );
  const outcomes = changes.length > 0 ? await gateway.updateUsers(changes, signal) : [];
  const refusedCount = outcomes.filter(({ outcome }) => outcome === 'refused').length;
  if (refusedCount > 0) {
    const message = `LiteLLM refused the rows of ${refusedCount} people; its own log says why. Apply the file again.`;
    throw new ControlError('GATEWAY_REFUSED', message, { details: { refusedCount } });
  }
  const ids = users.map(({ entraId }) => entraId);
  const entries = users.map(({ entraId, follow }) => ({
    event: 'user_adopted',
    userId: entraId,
    details: { follows: follow !== undefined },
  }));
  await write(entries, (transaction) => markAdopted(transaction, 'user', ids));
}

export async function adoptKey(
  { key_hash: keyHash, user: userId, team: teamId, alias, generation }: KeyStep,
  gateway: AdoptGateway,
  write: Write,
  signal: AbortSignal,
): Promise<void> {
  const outcome = await gateway.updateKeyMetadata(keyHash, markedMetadata({ generation }), signal);
  if (outcome === 'absent') throw vanished(`Key ${keyHash.slice(0, 8)}`);
  await write([{ event: 'key_adopted', userId, teamId, keyHash, details: { generation } }], (transaction) =>
    insertAdoptedKey(transaction, { keyHash, userId, teamId, alias, generation }),
  );
}

/** Members before the marker: from then on a run removes who leaves, and may only remove who is ours. */
export async function adoptTeam(
  { groupId: teamId, row, members }: TeamStep,
  runId: RunId,
  gateway: AdoptGateway,
  write: Write,
  signal: AbortSignal,
): Promise<void> {
  await write([], (transaction) => insertMemberships(transaction, runId, teamId, members));
  if (!isManaged(row)) {
    const outcome = await gateway.updateTeam(row.teamId, { metadata: markedMetadata() }, signal);
    if (outcome === 'absent') throw vanished(`Team ${row.teamId}`);
  }
  const details = { gatewayId: row.teamId, memberCount: members.length };
  await write([{ event: 'team_adopted', teamId, details }], (transaction) =>
    markAdopted(transaction, 'team', [teamId]),
  );
}

function vanished(what: string): ControlError {
  return new ControlError('ADOPTION_REFUSED', `${what} vanished from LiteLLM meanwhile; propose anew.`);
}
