// Everything below a group, through nested groups. Circles are allowed in Entra, so each id is visited once.

/** Ids reachable from `groupId`, in the order found. `membersOf` gives undefined for what is not a group. The
 *  group itself is in it only where a circle leads back to it, as in Entra. */
export function reachMembers(
  groupId: string,
  membersOf: (id: string) => readonly string[] | undefined,
): readonly string[] {
  const reached = new Set<string>();
  const waiting = [...(membersOf(groupId) ?? [])];
  for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
    if (reached.has(id)) continue;
    reached.add(id);
    waiting.push(...(membersOf(id) ?? []));
  }
  return [...reached];
}
