// One page of a delta, parsed. Pure. What changed is read again; what the page says of it only tells whether that
// read was fresh.
// https://learn.microsoft.com/graph/delta-query-groups

import * as z from 'zod';
import { isGuid } from '../ids.ts';
import { GROUP_TYPE, USER_TYPE } from './members.ts';

export type DeltaItem = {
  /** Lower case. */
  readonly id: string;
  /** Direct members that the page names and a list of members would show; none for users. */
  readonly addedMemberIds: readonly string[];
  readonly removedMemberIds: readonly string[];
  readonly isRemoved: boolean;
  /** Of a user, where the page says it. */
  readonly accountEnabled: boolean | undefined;
};

/** A page leads on or ends the round. */
export type DeltaPage = { readonly items: readonly DeltaItem[] } & (
  | { readonly nextLink: string; readonly deltaLink?: never }
  | { readonly nextLink?: never; readonly deltaLink: string }
);

const id = z
  .string()
  .refine(isGuid)
  .transform((value) => value.toLowerCase());
const link = z.string().min(1).optional();

const memberBody = z.object({
  id,
  '@odata.type': z.string().optional(),
  // An object with a reason, here; a word in a notification. That it is there is all that counts.
  '@removed': z.unknown().optional(),
});
const pageBody = z.object({
  '@odata.nextLink': link,
  '@odata.deltaLink': link,
  value: z.array(
    z.object({
      id,
      '@removed': z.unknown().optional(),
      accountEnabled: z.boolean().nullish(),
      'members@delta': z.array(memberBody).nullish(),
    }),
  ),
});

/** One page, or undefined if it has another form than Graph documents, or leads nowhere or two ways. */
export function parseDeltaPage(body: unknown): DeltaPage | undefined {
  const parsed = pageBody.safeParse(body);
  if (!parsed.success) return undefined;
  const { '@odata.nextLink': nextLink, '@odata.deltaLink': deltaLink, value } = parsed.data;
  const items = value.map(toItem);
  if (nextLink !== undefined) return deltaLink === undefined ? { items, nextLink } : undefined;
  return deltaLink === undefined ? undefined : { items, deltaLink };
}

function toItem(item: z.infer<typeof pageBody>['value'][number]): DeltaItem {
  const shown = (item['members@delta'] ?? []).filter(isShown);
  return {
    id: item.id,
    addedMemberIds: shown.filter((member) => member['@removed'] == null).map((member) => member.id),
    removedMemberIds: shown.filter((member) => member['@removed'] != null).map((member) => member.id),
    isRemoved: item['@removed'] != null,
    accountEnabled: item.accountEnabled ?? undefined,
  };
}

// A device or a service principal that joined is in no list that we make: it must not look like a member that lags.
function isShown({ '@odata.type': type }: z.infer<typeof memberBody>): boolean {
  return type === undefined || type === USER_TYPE || type === GROUP_TYPE;
}
