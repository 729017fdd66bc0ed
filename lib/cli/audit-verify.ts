// `lcp audit verify`: proves that no audit row was changed, removed or moved.

import { parseSettings } from '../config.ts';
import { verifyAudit } from '../store/audit.ts';
import { createDatabase } from '../store/database.ts';
import type { CliEnvironment } from './environment.ts';

const REASONS = {
  row_missing: 'is missing',
  row_changed: 'was changed after it was written',
  order_changed: 'does not follow the row before it',
} as const;

/** 0 when the chain is intact, 1 when it is broken, naming the first row that does not fit. */
export async function auditVerifyCommand(environment: CliEnvironment): Promise<number> {
  const { CONTROL_DATABASE_URL } = parseSettings(['CONTROL_DATABASE_URL'], environment.variables);
  const database = createDatabase({ url: CONTROL_DATABASE_URL });
  try {
    const state = await verifyAudit(database);
    if (state.status === 'intact') {
      environment.print(`intact: ${state.rowCount} rows, head ${state.head.seq} ${state.head.hash}\n`);
      return 0;
    }
    environment.print(
      `BROKEN: row ${state.seq} ${REASONS[state.reason]}. Keep the database as it is and compare it with the last backup.\n`,
    );
    return 1;
  } finally {
    await database.close();
  }
}
