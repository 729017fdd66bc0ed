// Reads what an adoption is decided from: LiteLLM under its own ids, our records, and the groups in full.

import type { Directory, DirectoryUser } from '../../directory/directory.ts';
import type { GatewayState } from '../../gateway/state.ts';
import type { Policy, PolicyGroup } from '../../policy/schema.ts';
import { listAdoptions } from '../../store/adoptions.ts';
import type { Database } from '../../store/database.ts';
import { listKeys } from '../../store/keys.ts';
import { decideDesired } from '../desired.ts';
import { readDirectory } from '../read-directory.ts';
import type { Present } from './present.ts';

export type PresentDependencies = {
  readonly directory: Directory;
  readonly database: Database;
  readonly policy: Policy;
};

/** `gateway` is LiteLLM's state under its own ids; `proposed` are entries that policy.yml does not have like this. */
export async function readPresent(
  { directory, database, policy }: PresentDependencies,
  gateway: GatewayState,
  proposed: readonly PolicyGroup[],
  now: Date,
  signal: AbortSignal,
): Promise<{ readonly present: Present; readonly people: readonly DirectoryUser[] }> {
  const entries = new Map([...policy.groups, ...proposed].map((group) => [group.entra_group, group]));
  const question = {
    mappedGroupIds: [...entries.keys()],
    hintedGroupIds: [],
    hintedUserIds: [],
    state: { links: null, isFullReadDue: true, settled: null },
  };
  const reading = await readDirectory({ directory, database }, question, signal);
  const [groups, adoptions, keys] = await Promise.all([
    reading.groups(),
    listAdoptions(database),
    listKeys(database),
  ]);
  const desired = decideDesired({ ...policy, groups: [...entries.values()] }, groups);
  const people = new Map<string, DirectoryUser>();
  for (const read of groups.values())
    if (read.status === 'complete') for (const user of read.value.members) people.set(user.id, user);
  return { present: { gateway, adoptions, keys, desired, now }, people: [...people.values()] };
}
