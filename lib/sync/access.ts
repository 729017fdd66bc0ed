// Whether Entra, asked about one person directly, agrees that the person has no business in a team. Pure.

import type { Access } from '../directory/directory.ts';
import type { Read } from '../directory/read.ts';
import type { PolicyGroup } from '../policy/schema.ts';

/** Why the person has no access to the group's team; undefined when they have, or nobody knows. */
export function lostAccessCause(read: Read<Access> | undefined, group: PolicyGroup): string | undefined {
  if (read === undefined || read.status === 'incomplete') return undefined;
  const access = read.value;
  if (access.status === 'gone') return 'account deleted';
  if (!access.accountEnabled) return 'account disabled';
  if (access.kind === 'guest' && !group.include_guests) return 'guests are not included';
  return access.groupIds.has(group.entra_group) ? undefined : `left group ${group.entra_group}`;
}
