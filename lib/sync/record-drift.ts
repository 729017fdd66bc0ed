// Keeps what was changed by hand: each change is told to the audit once, when it is first seen, with the last actor or
// time that LiteLLM knows.

import type { LastChange } from '../gateway/last-change.ts';
import type { AuditEntry } from '../store/audit-chain.ts';
import type { Database, Queryable } from '../store/database.ts';
import { listDrift, replaceDrift } from '../store/drift.ts';
import { type DriftItem, driftKey } from './drift.ts';
import type { ApplyGateway } from './gateway-port.ts';

/** LiteLLM is asked about so many at most; more at once are one cause, and the first show it. */
const ASKED_LIMIT = 20;
const UNKNOWN: LastChange = { at: null, by: null };

export type NewDrift = { readonly item: DriftItem; readonly lastChange: LastChange };

/** The part of `items` that no run has seen yet. */
export async function readNewDrift(
  {
    database,
    gateway,
  }: { readonly database: Database; readonly gateway: Pick<ApplyGateway, 'readLastChange'> },
  items: readonly DriftItem[],
  signal: AbortSignal,
): Promise<readonly NewDrift[]> {
  if (items.length === 0) return [];
  const known = new Set((await listDrift(database)).map(({ key }) => key));
  const fresh = items.filter((item) => !known.has(driftKey(item)));
  return Promise.all(
    fresh.map(async (item, index) => ({
      item,
      lastChange: index < ASKED_LIMIT ? await readItemChange(gateway, item, signal) : UNKNOWN,
    })),
  );
}

/** Unknown for what is gone, and while LiteLLM does not say. */
export async function readItemChange(
  gateway: Pick<ApplyGateway, 'readLastChange'>,
  { what, teamId, userId, keyHash }: DriftItem,
  signal: AbortSignal,
): Promise<LastChange> {
  const id = what === 'key' ? keyHash : what === 'user' ? userId : teamId;
  if (id === undefined) return UNKNOWN;
  const row = { what: what === 'member' ? 'team' : what, id } as const;
  return gateway.readLastChange(row, signal).catch(() => {
    signal.throwIfAborted();
    return UNKNOWN;
  });
}

/** Stores all of `items`; returns the entries of those that are new. */
export async function recordDrift(
  transaction: Queryable,
  items: readonly DriftItem[],
  fresh: readonly NewDrift[],
): Promise<readonly Omit<AuditEntry, 'actor' | 'runId'>[]> {
  await replaceDrift(
    transaction,
    items.map((item) => ({ key: driftKey(item), item })),
  );
  return fresh.map(({ item, lastChange }) => entryOf(item, lastChange));
}

function entryOf(
  { what, teamId, userId, keyHash, field, before, after, handling }: DriftItem,
  lastChange: LastChange,
) {
  return {
    event: 'drift_found',
    ...(teamId === undefined ? {} : { teamId }),
    ...(userId === undefined ? {} : { userId }),
    ...(keyHash === undefined ? {} : { keyHash }),
    cause: 'changed in LiteLLM by somebody else',
    details: { what, field, before, after, handling, lastChange },
  };
}
