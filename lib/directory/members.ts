// Reads one page of group members out of an answer and joins pages. Pure. A page that does not parse, a member
// without the fields we asked for, or fewer members than announced makes the whole read incomplete.

import * as z from 'zod';
import { type EntraUserId, isGuid, parseEntraUserId } from '../ids.ts';
import type { DirectoryUser } from './directory.ts';
import { completeRead, incompleteRead, type Read } from './read.ts';

export type MembersPage = {
  /** How many members Graph says there are; on the first page only. */
  readonly announcedCount: number | undefined;
  readonly nextLink: string | undefined;
  readonly items: readonly MemberItem[];
};

export type MemberItem =
  | { readonly kind: 'user'; readonly user: DirectoryUser }
  | { readonly kind: 'limited'; readonly id: string }
  | { readonly kind: 'other'; readonly id: string };

const USER_TYPE = '#microsoft.graph.user';

const pageBody = z.object({
  '@odata.count': z.number().int().nonnegative().optional(),
  '@odata.nextLink': z.string().min(1).optional(),
  value: z.array(
    z.object({
      '@odata.type': z.string().optional(),
      id: z.string().refine(isGuid),
      displayName: z.string().nullish(),
      mail: z.string().nullish(),
      userPrincipalName: z.string().nullish(),
      accountEnabled: z.boolean().nullish(),
      userType: z.string().nullish(),
    }),
  ),
});

/** One page, or undefined if it has another form than Graph documents. */
export function parseMembersPage(body: unknown): MembersPage | undefined {
  const parsed = pageBody.safeParse(body);
  if (!parsed.success) return undefined;
  return {
    announcedCount: parsed.data['@odata.count'],
    nextLink: parsed.data['@odata.nextLink'],
    items: parsed.data.value.map(classifyItem),
  };
}

/** The members of all pages, once each, sorted by id.
 *
 *  Fewer than announced is incomplete: a page was lost, and nothing else would show it. More is accepted: the
 *  count comes from an index that follows changes late, and a person too many harms nobody. */
export function joinPages(pages: readonly MembersPage[]): Read<readonly DirectoryUser[]> {
  const announcedCount = pages[0]?.announcedCount;
  if (announcedCount === undefined) {
    return incompleteRead(
      'answer-invalid',
      'The first page announces no count, so a lost page would not show.',
    );
  }
  const users = new Map<EntraUserId, DirectoryUser>();
  const seenIds = new Set<string>();
  let limitedCount = 0;
  for (const item of pages.flatMap((page) => page.items)) {
    const id = item.kind === 'user' ? item.user.id : item.id;
    seenIds.add(id.toLowerCase());
    if (item.kind === 'limited') limitedCount += 1;
    if (item.kind === 'user') users.set(item.user.id, item.user);
  }
  if (limitedCount > 0) {
    return incompleteRead(
      'limited-information',
      `Graph hides the fields of ${limitedCount} members; grant the application permission User.Read.All.`,
    );
  }
  if (seenIds.size < announcedCount) {
    return incompleteRead(
      'answer-invalid',
      `Graph announced ${announcedCount} members and gave ${seenIds.size}.`,
    );
  }
  return completeRead([...users.values()].sort((a, b) => (a.id < b.id ? -1 : 1)));
}

function classifyItem(item: z.infer<typeof pageBody>['value'][number]): MemberItem {
  // The cast to users leaves the type out of most items; only one that says otherwise is something else.
  if (item['@odata.type'] !== undefined && item['@odata.type'] !== USER_TYPE)
    return { kind: 'other', id: item.id };
  // Every Entra user has both; null or absent means that we may not see them, not that they are empty.
  if (item.userPrincipalName == null || item.accountEnabled == null) return { kind: 'limited', id: item.id };
  return {
    kind: 'user',
    user: {
      id: parseEntraUserId(item.id),
      displayName: item.displayName ?? null,
      mail: item.mail ?? null,
      userPrincipalName: item.userPrincipalName,
      accountEnabled: item.accountEnabled,
      kind: item.userType?.toLowerCase() === 'guest' ? 'guest' : 'member',
    },
  };
}
