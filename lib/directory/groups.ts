// Direct members of groups from Microsoft Graph. What cannot be read in full is said to be incomplete with the reason.
//
// Not by a cast or with $count: those are advanced queries, answered from an index that lags behind the directory.
// https://learn.microsoft.com/graph/aad-advanced-queries

import pLimit from 'p-limit';
import type { EntraGroupId } from '../ids.ts';
import type { GraphAnswer } from './answer.ts';
import { askAll, CALLS_AT_ONCE } from './batches.ts';
import type { DirectoryClient } from './client.ts';
import type { DirectGroup } from './directory.ts';
import { reasonOf } from './failure.ts';
import { joinPages, type MembersPage, parseMembersPage, USER_FIELDS } from './members.ts';
import { completeRead, incompleteRead, type Read } from './read.ts';

/** The most Graph gives on one page. */
const PAGE_SIZE = 999;

/** Each group once, whatever became of its read. @throws the signal's reason */
export async function readGroups(
  client: DirectoryClient,
  groupIds: readonly EntraGroupId[],
  signal: AbortSignal,
): Promise<ReadonlyMap<EntraGroupId, Read<DirectGroup>>> {
  const distinct = [...new Set(groupIds)];
  const firstPages = await askAll(client, distinct.map(firstRequest), signal);
  const limit = pLimit(CALLS_AT_ONCE);
  const reads = await Promise.all(
    distinct.map((groupId, index) =>
      limit(async () => [groupId, await readGroup(groupId, firstPages[index], client, signal)] as const),
    ),
  );
  signal.throwIfAborted();
  return new Map(reads);
}

function firstRequest(groupId: EntraGroupId) {
  return { path: `/groups/${groupId}/members?$top=${PAGE_SIZE}&$select=${USER_FIELDS}` };
}

async function readGroup(
  groupId: EntraGroupId,
  firstPage: GraphAnswer | undefined,
  client: DirectoryClient,
  signal: AbortSignal,
): Promise<Read<DirectGroup>> {
  if (firstPage?.status === 'not-found') {
    return incompleteRead(
      'not-found',
      'Graph knows no such group; it was deleted or policy.yml names a wrong id.',
    );
  }
  const pages = await readPages(firstPage, client, signal);
  if (pages.status === 'incomplete') return pages;
  const members = joinPages(pages.value);
  return members.status === 'incomplete' ? members : completeRead({ id: groupId, ...members.value });
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
    answer = await client.get({ path: page.nextLink }, signal);
  }
}

function requireBody(answer: GraphAnswer | undefined): Read<unknown> {
  if (answer === undefined) return incompleteRead('answer-invalid', 'Graph left a request unanswered.');
  if (answer.status === 'ok') return completeRead(answer.body);
  // The first page was found: the group vanished in mid-read, or Graph's replicas differ. The next run will see.
  if (answer.status === 'not-found') return incompleteRead('answer-invalid', 'Graph lost a page of members.');
  return incompleteRead(reasonOf(answer.error), answer.error.message);
}
