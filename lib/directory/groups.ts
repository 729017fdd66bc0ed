// Whole groups from Microsoft Graph: name and all transitive members that are users. What cannot be read in
// full is said to be incomplete with the reason; a shorter list is never given.

import pLimit from 'p-limit';
import * as z from 'zod';
import type { EntraGroupId } from '../ids.ts';
import type { GraphAnswer } from './answer.ts';
import type { GraphRequest } from './batch.ts';
import { BATCH_LIMIT } from './batch.ts';
import type { DirectoryClient } from './client.ts';
import type { Directory, DirectoryGroup } from './directory.ts';
import { reasonOf } from './failure.ts';
import { joinPages, type MembersPage, parseMembersPage } from './members.ts';
import { completeRead, incompleteRead, type Read } from './read.ts';

// Two requests a group in the first round: the group itself and the first page of its members.
const GROUPS_PER_BATCH = BATCH_LIMIT / 2;
// Graph counts 5 resource units a page and allows 3,500 in 10 s to the smallest tenants; four calls at once
// keep far below that and hide most of the latency.
const CALLS_AT_ONCE = 4;

// A cast to users is an advanced query: it needs this header and $count, on every page again, since headers
// are not part of a nextLink. https://learn.microsoft.com/graph/aad-advanced-queries
const ADVANCED = { ConsistencyLevel: 'eventual' } as const;
const USER_FIELDS = 'id,displayName,mail,userPrincipalName,accountEnabled,userType';
/** The most Graph gives on one page. */
const PAGE_SIZE = 999;

const groupBody = z.object({ id: z.string(), displayName: z.string().nullish() });

/** A Directory over `client`. Reading changes nothing; a repeat is harmless. */
export function createDirectory(client: DirectoryClient): Directory {
  return {
    async readGroups(groupIds, signal) {
      const limit = pLimit(CALLS_AT_ONCE);
      const distinct = [...new Set(groupIds)];
      const reads = await Promise.all(
        chunk(distinct, GROUPS_PER_BATCH).map(async (chunkIds) => {
          const answers = await limit(() => client.batch(chunkIds.flatMap(firstRequests), signal));
          return Promise.all(
            chunkIds.map((groupId, index) =>
              limit(async () => {
                const [groupAnswer, firstPage] = answers.slice(2 * index);
                return [groupId, await readGroup(groupId, groupAnswer, firstPage, client, signal)] as const;
              }),
            ),
          );
        }),
      );
      signal.throwIfAborted();
      return new Map(reads.flat());
    },
  };
}

function firstRequests(groupId: EntraGroupId): GraphRequest[] {
  return [
    { path: `/groups/${groupId}?$select=id,displayName` },
    {
      path: `/groups/${groupId}/transitiveMembers/microsoft.graph.user?$count=true&$top=${PAGE_SIZE}&$select=${USER_FIELDS}`,
      headers: ADVANCED,
    },
  ];
}

async function readGroup(
  groupId: EntraGroupId,
  groupAnswer: GraphAnswer | undefined,
  firstPage: GraphAnswer | undefined,
  client: DirectoryClient,
  signal: AbortSignal,
): Promise<Read<DirectoryGroup>> {
  if (groupAnswer?.status === 'not-found') {
    return incompleteRead(
      'not-found',
      'Graph knows no such group; it was deleted or policy.yml names a wrong id.',
    );
  }
  const body = requireBody(groupAnswer);
  if (body.status === 'incomplete') return body;
  const group = groupBody.safeParse(body.value);
  if (!group.success || group.data.id.toLowerCase() !== groupId) {
    return incompleteRead('answer-invalid', 'Graph answered with another object than the group asked for.');
  }
  const pages = await readPages(firstPage, client, signal);
  if (pages.status === 'incomplete') return pages;
  const members = joinPages(pages.value);
  if (members.status === 'incomplete') return members;
  return completeRead({ id: groupId, displayName: group.data.displayName ?? null, members: members.value });
}

async function readPages(
  firstPage: GraphAnswer | undefined,
  client: DirectoryClient,
  signal: AbortSignal,
): Promise<Read<readonly MembersPage[]>> {
  const pages: MembersPage[] = [];
  const followed = new Set<string>();
  let answer = firstPage;
  for (;;) {
    const body = requireBody(answer);
    if (body.status === 'incomplete') return body;
    const page = parseMembersPage(body.value);
    if (page === undefined) return incompleteRead('answer-invalid', 'A page of members has an unknown form.');
    pages.push(page);
    if (page.nextLink === undefined) return completeRead(pages);
    if (followed.has(page.nextLink))
      return incompleteRead('answer-invalid', 'The pages of members go in a circle.');
    followed.add(page.nextLink);
    answer = await client.get({ path: page.nextLink, headers: ADVANCED }, signal);
  }
}

function requireBody(answer: GraphAnswer | undefined): Read<unknown> {
  if (answer === undefined) return incompleteRead('answer-invalid', 'Graph left a request unanswered.');
  if (answer.status === 'ok') return completeRead(answer.body);
  // The group itself was found: it vanished in mid-read, or Graph's replicas differ. The next run will see.
  if (answer.status === 'not-found') return incompleteRead('answer-invalid', 'Graph lost a page of members.');
  return incompleteRead(reasonOf(answer.error), answer.error.message);
}

function chunk<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
