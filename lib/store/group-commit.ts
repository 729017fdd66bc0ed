// Group commit: what is asked for while one transaction is under way goes into the next one together. Many small
// writes at the same time then cost the round trips of a few, which counts when the database is a network away.

import { isControlError } from '../errors.ts';

type Waiting<Item> = {
  readonly item: Item;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};

/** Larger groups save nothing more and hold locks for longer. */
const LARGEST_GROUP = 64;

/** A function that resolves once `commit` has committed its item, alone or with others, in the order asked. When a
 *  group fails for a defect of one item, the items are tried one by one; when the store is away or the lease is
 *  lost, all fail with that, because nobody knows what was committed. */
export function createGroupCommit<Item>(
  commit: (items: readonly Item[]) => Promise<void>,
): (item: Item) => Promise<void> {
  const waiting: Waiting<Item>[] = [];
  let isCommitting = false;

  async function commitAll(): Promise<void> {
    isCommitting = true;
    while (waiting.length > 0) await commitGroup(waiting.splice(0, LARGEST_GROUP), commit);
    isCommitting = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!isCommitting) void commitAll();
    });
}

async function commitGroup<Item>(
  group: readonly Waiting<Item>[],
  commit: (items: readonly Item[]) => Promise<void>,
): Promise<void> {
  try {
    await commit(group.map(({ item }) => item));
    for (const { resolve } of group) resolve();
  } catch (error) {
    if (group.length === 1 || isControlError(error)) for (const { reject } of group) reject(error);
    else for (const one of group) await commitGroup([one], commit);
  }
}
