// The control database from within: its level, and the audit's chain.

import { verifyAudit } from '../../store/audit.ts';
import type { Database } from '../../store/database.ts';
import { requireSchema } from '../../store/schema.ts';
import { type Check, failed, well } from './check.ts';

export function storeChecks(database: () => Database): readonly Check[] {
  return [
    {
      id: 'store-level',
      what: 'control database reached, at the level this version needs',
      why: 'without it no run starts, and nothing is recorded.',
      needs: ['settings-lcp', 'database-refuses'],
      run: async () => {
        await requireSchema(database());
        return well();
      },
    },
    {
      id: 'audit',
      what: 'audit chain intact',
      why: 'it is the proof of who got and lost what.',
      needs: ['store-level'],
      run: async () => {
        const state = await verifyAudit(database());
        if (state.status !== 'broken') return well(`${state.rowCount} rows`);
        return failed(`Row ${state.seq} does not fit (${state.reason}).`, 'see `lcp audit verify`.');
      },
    },
  ];
}
