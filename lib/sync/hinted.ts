// What claimed hints point at, as identifiers. Pure.

import { type EntraGroupId, type EntraUserId, parseEntraGroupId, parseEntraUserId } from '../ids.ts';

export type HintTargets = {
  readonly groupIds: readonly EntraGroupId[];
  readonly userIds: readonly EntraUserId[];
  /** Subscriptions that Microsoft wants reauthorised, or says are gone. */
  readonly subscriptionIds: readonly string[];
  /** People named in any way, once each: as changed, or as removed from a group. */
  readonly people: readonly EntraUserId[];
};

/** `resource` is `groups/<id>`, `users/<id>` or `subscriptions/<id>`, as the store allows it. */
export function targetsOf(
  hints: readonly { readonly resource: string; readonly userIds: readonly string[] }[],
): HintTargets {
  const idsOf = (collection: string) =>
    hints
      .map((hint) => hint.resource.split('/'))
      .filter(([name]) => name === collection)
      .map(([, id = '']) => id);
  const userIds = idsOf('users').map(parseEntraUserId);
  const named = hints.flatMap((hint) => hint.userIds).map(parseEntraUserId);
  return {
    groupIds: idsOf('groups').map(parseEntraGroupId),
    userIds,
    subscriptionIds: idsOf('subscriptions'),
    people: [...new Set([...userIds, ...named])],
  };
}
