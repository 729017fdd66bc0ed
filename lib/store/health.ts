// What the droplet last said of itself. control/agent leaves reports through one function of the database and can do
// nothing else there; everybody else reads them here.

import { isControlError } from '../errors.ts';
import type { Queryable } from './database.ts';

export type NewHealth = {
  readonly dropletId: string;
  /** Identifies the token that brought it, which is taken once. */
  readonly jti: string;
  readonly expiresAt: Date;
  readonly takenAt: Date;
  /** As lib/health/report.ts has it. */
  readonly report: unknown;
};

export type HealthRow = {
  readonly dropletId: string;
  /** By the droplet's clock. */
  readonly takenAt: Date;
  /** By PostgreSQL's. */
  readonly receivedAt: Date;
  readonly ageSeconds: number;
  readonly report: unknown;
};

export type Recorded = 'stored' | 'older' | 'replayed' | 'full';

/** Leaves a report in one statement. Tries twice, because the connection may have died while the container was frozen.
 *  Where the first try was stored and its answer lost, the second is `replayed`: the report is there.
 *  @throws ControlError STORE_UNAVAILABLE, STORE_DENIED */
export async function recordHealth(database: Queryable, health: NewHealth): Promise<Recorded> {
  try {
    return await recordOnce(database, health);
  } catch (error) {
    if (!isControlError(error, 'STORE_UNAVAILABLE')) throw error;
    return recordOnce(database, health);
  }
}

async function recordOnce(database: Queryable, health: NewHealth): Promise<Recorded> {
  const { dropletId, jti, expiresAt, takenAt, report } = health;
  const { rows } = await database.query<{ recorded: Recorded }>(
    'select record_health($1, $2, $3, $4, $5::jsonb) as recorded',
    [dropletId, jti, expiresAt, takenAt, JSON.stringify(report)],
  );
  return rows[0]?.recorded ?? 'older';
}

/** The newest report of every droplet; age by PostgreSQL's clock, which also wrote when it came. */
export async function listHealth(database: Queryable): Promise<HealthRow[]> {
  const { rows } = await database.query<HealthRow>(
    `select droplet_id as "dropletId", taken_at as "takenAt", received_at as "receivedAt", report,
            greatest(0, extract(epoch from clock_timestamp() - received_at))::float8 as "ageSeconds"
       from droplet_health order by droplet_id`,
  );
  return rows;
}
