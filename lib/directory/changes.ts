// What changed in the tenant since a delta link. Graph may repeat itself, in any order and over any
// number of pages, empty ones included; the union of all pages is what is given.
// https://learn.microsoft.com/graph/delta-query-overview

import { type EntraGroupId, type EntraUserId, parseEntraGroupId, parseEntraUserId } from '../ids.ts';
import type { DirectoryClient } from './client.ts';
import { type DeltaItem, parseDeltaPage } from './delta-page.ts';
import type { DeltaLinks, DirectoryChanges, MemberEvidence, UserEvidence } from './directory.ts';
import { reasonOf } from './failure.ts';
import { USER_FIELDS } from './members.ts';
import { completeRead, type IncompleteRead, incompleteRead, type Read } from './read.ts';

// Entra's collections can be followed from now on, without their present content: `$deltatoken=latest`. What is
// selected decides what counts as a change, and stays encoded in the link. https://learn.microsoft.com/graph/delta-query-overview#use-delta-query-to-track-changes-in-a-resource-collection
const LATEST: DeltaLinks = {
  // A group is reported when its members change or it is deleted; its names are nothing to us.
  groups: '/groups/delta?$select=id,members&$deltatoken=latest',
  users: `/users/delta?$select=${USER_FIELDS}&$deltatoken=latest`,
};
/** More than a week of changes fills; beyond it a full read is cheaper than the rest of the pages. */
const PAGE_LIMIT = 2_000;

type Collection = keyof DeltaLinks;

type Followed =
  | { readonly status: 'complete'; readonly items: readonly DeltaItem[]; readonly link: string }
  | { readonly status: 'reset' }
  | IncompleteRead;

/** Links as of now, for both collections. @throws the signal's reason */
export async function takeLinks(client: DirectoryClient, signal: AbortSignal): Promise<Read<DeltaLinks>> {
  const { groups, users } = await followBoth(client, LATEST, signal);
  if (groups.status === 'incomplete') return groups;
  if (users.status === 'incomplete') return users;
  if (groups.status === 'reset' || users.status === 'reset') {
    return incompleteRead('answer-invalid', 'Graph gave no link from which changes could be followed.');
  }
  return completeRead({ groups: groups.link, users: users.link });
}

/** Both deltas at once: two calls when nothing changed. @throws the signal's reason */
export async function readChanges(
  client: DirectoryClient,
  links: DeltaLinks,
  signal: AbortSignal,
): Promise<DirectoryChanges> {
  const { groups, users } = await followBoth(client, links, signal);
  // A link that is no longer good needs a full read, whatever the other one said.
  if (groups.status === 'reset' || users.status === 'reset') return { status: 'reset' };
  if (groups.status === 'incomplete') return groups;
  if (users.status === 'incomplete') return users;
  return {
    status: 'complete',
    groups: evidenceByGroup(groups.items),
    users: evidenceByUser(users.items),
    links: { groups: groups.link, users: users.link },
  };
}

async function followBoth(client: DirectoryClient, links: DeltaLinks, signal: AbortSignal) {
  const [groups, users] = await Promise.all([
    follow(client, 'groups', links.groups, signal),
    follow(client, 'users', links.users, signal),
  ]);
  return { groups, users };
}

async function follow(
  client: DirectoryClient,
  collection: Collection,
  start: string,
  signal: AbortSignal,
): Promise<Followed> {
  const items: DeltaItem[] = [];
  const followed = new Set<string>();
  let path = start;
  while (isDeltaOf(collection, path) && !followed.has(path) && followed.size < PAGE_LIMIT) {
    followed.add(path);
    const answer = await client.get({ path }, signal);
    if (answer.status === 'not-found') return { status: 'reset' };
    if (answer.status === 'failed') {
      const reason = reasonOf(answer.error);
      // 410, syncStateNotFound and its relatives, and links that lead elsewhere: all that is left is a full read.
      // https://learn.microsoft.com/graph/delta-query-overview#synchronization-reset and #token-duration
      return reason === 'answer-invalid' ? { status: 'reset' } : incompleteRead(reason, answer.error.message);
    }
    const page = parseDeltaPage(answer.body);
    if (page === undefined) return { status: 'reset' };
    for (const item of page.items) items.push(item);
    if (page.deltaLink !== undefined) return { status: 'complete', items, link: page.deltaLink };
    path = page.nextLink;
  }
  return { status: 'reset' };
}

/** Whether a link is one of this collection's: two links that were swapped would each answer, with changes that are
 *  taken for the other kind. `delta` has several spellings, the collection before it one. */
function isDeltaOf(collection: Collection, link: string): boolean {
  const [address = ''] = link.split('?', 1);
  return address.includes(`/${collection}/`);
}

/** Pages have no order, so a member that was both added and removed says nothing. */
function evidenceByGroup(items: readonly DeltaItem[]): ReadonlyMap<EntraGroupId, MemberEvidence> {
  return new Map(
    [...Map.groupBy(items, (item) => item.id)].map(([groupId, ofGroup]) => {
      const added = new Set(ofGroup.flatMap((item) => item.addedMemberIds));
      const removed = new Set(ofGroup.flatMap((item) => item.removedMemberIds));
      const evidence = {
        added: [...added].filter((member) => !removed.has(member)),
        removed: [...removed].filter((member) => !added.has(member)),
      };
      return [parseEntraGroupId(groupId), evidence];
    }),
  );
}

function evidenceByUser(items: readonly DeltaItem[]): ReadonlyMap<EntraUserId, UserEvidence> {
  return new Map(
    [...Map.groupBy(items, (item) => item.id)].map(([userId, ofUser]) => {
      const said = new Set(ofUser.map(userEvidence).filter((evidence) => evidence !== 'unknown'));
      const [only = 'unknown'] = said.size === 1 ? said : [];
      return [parseEntraUserId(userId), only];
    }),
  );
}

function userEvidence({ isRemoved, accountEnabled }: DeltaItem): UserEvidence {
  if (isRemoved) return 'gone';
  if (accountEnabled === undefined) return 'unknown';
  return accountEnabled ? 'enabled' : 'disabled';
}
