// All groups of the tenant by name, for `lcp adopt propose`: the one question that is not about a known group. Needs
// GroupMember.Read.All, as everything else. https://learn.microsoft.com/graph/api/group-list

import * as z from 'zod';
import { type EntraGroupId, isGuid, parseEntraGroupId } from '../ids.ts';
import type { DirectoryClient } from './client.ts';
import { reasonOf } from './failure.ts';
import { completeRead, incompleteRead, type Read } from './read.ts';

const FIRST_PAGE = '/groups?$select=id,displayName&$top=999';

const pageBody = z.object({
  '@odata.nextLink': z.string().min(1).optional(),
  value: z.array(z.object({ id: z.string().refine(isGuid), displayName: z.string().nullish() })),
});

/** Every group's name by its id; one without a name is left out. @throws the signal's reason */
export async function readGroupNames(
  client: Pick<DirectoryClient, 'get'>,
  signal: AbortSignal,
): Promise<Read<ReadonlyMap<EntraGroupId, string>>> {
  const names = new Map<EntraGroupId, string>();
  const followed = new Set<string>();
  for (let path: string | undefined = FIRST_PAGE; path !== undefined; ) {
    if (followed.has(path)) return incompleteRead('answer-invalid', 'The pages of groups go in a circle.');
    followed.add(path);
    const answer = await client.get({ path }, signal);
    if (answer.status === 'failed') return incompleteRead(reasonOf(answer.error), answer.error.message);
    const parsed = pageBody.safeParse(answer.status === 'ok' ? answer.body : undefined);
    if (!parsed.success) return incompleteRead('answer-invalid', 'A page of groups has an unknown form.');
    for (const { id, displayName } of parsed.data.value)
      if (displayName != null) names.set(parseEntraGroupId(id), displayName);
    path = parsed.data['@odata.nextLink'];
  }
  return completeRead(names);
}
