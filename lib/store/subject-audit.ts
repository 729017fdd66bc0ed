// The audit rows about one person or one team, page by page: the audit itself may be far larger than memory.

import type { EntraGroupId, EntraUserId } from '../ids.ts';
import { AUDIT_COLUMNS, type StoredAuditRow, toAuditRow } from './audit.ts';
import type { AuditRow } from './audit-chain.ts';
import type { Queryable } from './database.ts';

export type AuditSubject =
  | { readonly kind: 'person'; readonly userId: EntraUserId }
  | { readonly kind: 'team'; readonly teamId: EntraGroupId };

export type AuditSelection = {
  readonly subject: AuditSubject;
  /** From this instant on; null for all. */
  readonly since: Date | null;
  /** Before this instant; null for all. */
  readonly until: Date | null;
};

/** A page of at most `limit` rows from `fromSeq` on, oldest first. The indexes audit_user and audit_team serve it. */
export async function listSubjectAudit(
  database: Queryable,
  selection: AuditSelection,
  fromSeq: string,
  limit: number,
): Promise<AuditRow[]> {
  const { rows } = await database.query<StoredAuditRow>(
    `select ${AUDIT_COLUMNS} from audit where ${conditionOf(selection)} and audit.seq >= $4 order by audit.seq limit $5`,
    [...valuesOf(selection), fromSeq, limit],
  );
  return rows.map(toAuditRow);
}

/** Where the newest `count` rows begin, and whether there are older ones. */
export async function findNewestStart(
  database: Queryable,
  selection: AuditSelection,
  count: number,
): Promise<{ readonly fromSeq: string; readonly hasOlder: boolean }> {
  const newest = `select audit.seq from audit where ${conditionOf(selection)} order by audit.seq desc`;
  const { rows } = await database.query<{ fromSeq: string | null; hasOlder: boolean }>(
    `select (${newest} offset $4::integer - 1 limit 1)::text as "fromSeq",
            exists (${newest} offset $4::integer limit 1) as "hasOlder"`,
    [...valuesOf(selection), count],
  );
  return { fromSeq: rows[0]?.fromSeq ?? '1', hasOlder: rows[0]?.hasOlder ?? false };
}

function conditionOf({ subject }: AuditSelection): string {
  const column = subject.kind === 'person' ? 'user_id' : 'team_id';
  return `audit.${column} = $1 and ($2::timestamptz is null or recorded_at >= $2)
    and ($3::timestamptz is null or recorded_at < $3)`;
}

function valuesOf({ subject, since, until }: AuditSelection): unknown[] {
  return [subject.kind === 'person' ? subject.userId : subject.teamId, since, until];
}
