// What each object of the tenant looked like after each change, so that a delta can answer as of a moment: its pages
// fit together though the tenant goes on changing between them, and a lagging replica shows nothing of the future.

/** `seed` is how things were before the first change. Values are kept as they are, never copied. */
export function createHistory<T extends { readonly id: string }>(seed: readonly T[]) {
  const versions = new Map(seed.map((value) => [value.id, [version(0, value)]]));

  const findAt = (id: string, sequence: number): T | undefined =>
    versions.get(id)?.findLast(({ since }) => since <= sequence)?.value;

  return {
    /** How `id` is from change number `sequence` on; undefined when it is gone. */
    record(id: string, sequence: number, value: T | undefined): void {
      const all = versions.get(id);
      if (all === undefined) versions.set(id, [version(sequence, value)]);
      else all.push(version(sequence, value));
    },
    findAt,
    /** All that existed after change number `sequence`. */
    listAt: (sequence: number): readonly T[] =>
      [...versions.keys()].flatMap((id) => findAt(id, sequence) ?? []),
    /** Whether it exists or ever did. */
    has: (id: string): boolean => versions.has(id),
  };
}

function version<T>(since: number, value: T): { readonly since: number; readonly value: T | undefined } {
  return { since, value };
}
