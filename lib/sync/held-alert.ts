// What Teams is told about held removals: how many, from where, why, since when. Pure. Counts and identifiers only; who
// it is about stands on the page behind the link.

import type { HeldFacts, NewAlert } from '../store/alerts.ts';
import type { Announcement } from '../store/quarantines.ts';

const CAUSES_SHOWN = 3;

/** `announcedAt` tells one reminder from the next. */
export function heldAlert(
  held: Announcement,
  aliases: ReadonlyMap<string, string>,
  announcedAt: Date,
): NewAlert {
  const facts: HeldFacts = {
    quarantineId: held.quarantineId,
    episode: held.episode,
    team: held.scope === 'overall' ? null : (aliases.get(held.scope) ?? held.scope),
    peopleCount: held.peopleCount,
    reasons: held.reasons,
    causes: causesOf(held.actions),
    waitingSince: held.waitingSince.toISOString(),
    isReminder: held.isReminder,
  };
  const which = held.isReminder ? announcedAt.toISOString() : 'first';
  return {
    dedupeKey: `removals_held/${held.quarantineId}/${held.episode}/${which}`,
    kind: 'removals_held',
    facts,
  };
}

function causesOf(actions: Announcement['actions']): HeldFacts['causes'] {
  const people = new Map(
    actions.map((action) => [`${action.teamId}/${action.userId}`, kindOfCause(action.cause)]),
  );
  return [...Map.groupBy(people.values(), (cause) => cause)]
    .map(([cause, all]) => ({ cause, count: all.length }))
    .sort((a, b) => b.count - a.count || (a.cause < b.cause ? -1 : 1))
    .slice(0, CAUSES_SHOWN);
}

/** `left group <id>` is one cause, whichever the group. */
function kindOfCause(cause: string): string {
  return cause.replace(/ [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, '');
}
