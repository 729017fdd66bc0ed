// Entra: one small read a permission, and each group of the policy.

import pLimit from 'p-limit';
import { listAccessTrials } from '../../directory/access.ts';
import type { DirectoryClient } from '../../directory/client.ts';
import type { EntraGroupId } from '../../ids.ts';
import { type Check, failed, well } from './check.ts';

/** A policy may name hundreds of groups, and Graph counts what is asked at once. */
const MOST_AT_ONCE = 4;

export function entraChecks(
  client: () => DirectoryClient,
  groupIds: readonly EntraGroupId[],
): readonly Check[] {
  const limit = pLimit(MOST_AT_ONCE);
  return listAccessTrials(groupIds).map(({ what, findRemedy }, index) => ({
    id: `entra-${index}`,
    what: `Entra: ${what}`,
    why: 'who joins and leaves is known from Entra alone; a group that cannot be read is left as it is, leavers and all.',
    // The first shows whether Entra lets us in at all.
    needs: ['settings-lcp', ...(index > 1 ? ['entra-0'] : [])],
    run: async (signal) => {
      const remedy = await limit(() => findRemedy(client(), signal));
      return remedy === null ? well() : failed(remedy);
    },
  }));
}
