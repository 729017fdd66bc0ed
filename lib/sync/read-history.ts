// What the guard needs to know of the time before a plan: recent removals, and what people decided.

import type { Database } from '../store/database.ts';
import { type DecidedRemoval, listDecisions, type StoredDecisions } from '../store/decisions.ts';
import { listRecentRemovals } from '../store/memberships.ts';
import { type Decisions, removalKey } from './decisions.ts';
import type { GuardHistory } from './guard.ts';

export async function readHistory(database: Database): Promise<GuardHistory> {
  const [recent, stored] = await Promise.all([listRecentRemovals(database), listDecisions(database)]);
  return { recent, decisions: decisionsOf(stored) };
}

function decisionsOf({ approvedIds, removals }: StoredDecisions): Decisions {
  const keysWith = (decision: DecidedRemoval['decision']) =>
    new Set(removals.filter((removal) => removal.decision === decision).map(removalKey));
  return { approved: new Set(approvedIds), begun: keysWith('approved'), rejected: keysWith('rejected') };
}
