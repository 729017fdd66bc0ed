// One page of a group's direct members out of an answer, and pages joined. Pure. A page or a person that does not
// parse, or a person whose fields are hidden from us, makes the whole read incomplete.

import * as z from 'zod';
import { type EntraGroupId, type EntraUserId, isGuid, parseEntraGroupId, parseEntraUserId } from '../ids.ts';
import type { DirectoryUser } from './directory.ts';
import { completeRead, incompleteRead, type Read } from './read.ts';

/** What is asked of a user, alone or as a member; `accountEnabled` and `userType` come only on $select. */
export const USER_FIELDS = 'id,displayName,mail,userPrincipalName,accountEnabled,userType';

export type DirectMembers = {
  readonly users: readonly DirectoryUser[];
  readonly nestedGroupIds: readonly EntraGroupId[];
};

export type MembersPage = { readonly nextLink: string | undefined; readonly items: readonly MemberItem[] };

export type MemberItem =
  | { readonly kind: 'user'; readonly user: DirectoryUser }
  | { readonly kind: 'group'; readonly id: EntraGroupId }
  /** A user whose fields Graph hides. */
  | { readonly kind: 'limited' }
  /** A device, an application or a contact. */
  | { readonly kind: 'other' };

export const USER_TYPE = '#microsoft.graph.user';
export const GROUP_TYPE = '#microsoft.graph.group';

const userBody = z.object({
  id: z.string().refine(isGuid),
  displayName: z.string().nullish(),
  mail: z.string().nullish(),
  userPrincipalName: z.string().nullish(),
  accountEnabled: z.boolean().nullish(),
  userType: z.string().nullish(),
});
const memberBody = userBody.extend({ '@odata.type': z.string() });
const pageBody = z.object({
  '@odata.nextLink': z.string().min(1).optional(),
  value: z.array(memberBody),
});

/** One page, or undefined if it has another form than Graph documents. */
export function parseMembersPage(body: unknown): MembersPage | undefined {
  const parsed = pageBody.safeParse(body);
  if (!parsed.success) return undefined;
  return { nextLink: parsed.data['@odata.nextLink'], items: parsed.data.value.map(classifyItem) };
}

/** The members of all pages, once each, sorted by id. */
export function joinPages(pages: readonly MembersPage[]): Read<DirectMembers> {
  const users = new Map<EntraUserId, DirectoryUser>();
  const nested = new Set<EntraGroupId>();
  let limitedCount = 0;
  for (const item of pages.flatMap((page) => page.items)) {
    if (item.kind === 'limited') limitedCount += 1;
    if (item.kind === 'user') users.set(item.user.id, item.user);
    if (item.kind === 'group') nested.add(item.id);
  }
  if (limitedCount > 0) return limitedRead(`${limitedCount} members`);
  return completeRead({
    users: [...users.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    nestedGroupIds: [...nested].sort(),
  });
}

/** One person, as `GET /users/{id}` answers. */
export function parseUser(body: unknown, userId: EntraUserId): Read<DirectoryUser> {
  const parsed = userBody.safeParse(body);
  if (!parsed.success || parsed.data.id.toLowerCase() !== userId) {
    return incompleteRead('answer-invalid', 'Graph answered with another object than the user asked for.');
  }
  const user = toUser(parsed.data);
  return user === undefined ? limitedRead('a user') : completeRead(user);
}

function classifyItem(item: z.infer<typeof memberBody>): MemberItem {
  if (item['@odata.type'] === GROUP_TYPE) return { kind: 'group', id: parseEntraGroupId(item.id) };
  if (item['@odata.type'] !== USER_TYPE) return { kind: 'other' };
  const user = toUser(item);
  return user === undefined ? { kind: 'limited' } : { kind: 'user', user };
}

// Every Entra user has a principal name and is enabled or not; null or absent means that we may not see it.
function toUser(item: z.infer<typeof userBody>): DirectoryUser | undefined {
  if (item.userPrincipalName == null || item.accountEnabled == null) return undefined;
  return {
    id: parseEntraUserId(item.id),
    displayName: item.displayName ?? null,
    mail: item.mail ?? null,
    userPrincipalName: item.userPrincipalName,
    accountEnabled: item.accountEnabled,
    kind: item.userType?.toLowerCase() === 'guest' ? 'guest' : 'member',
  };
}

function limitedRead(whose: string) {
  return incompleteRead(
    'limited-information',
    `Graph hides the fields of ${whose}; grant the application permission User.Read.All.`,
  );
}
