// What goes wrong with notifications on their way, as data: each rule strikes one post after the other until it is
// used up. How the subscriber answers is no fault of the delivery; that is up to the subscriber.

import * as z from 'zod';

export const deliveryFault = z.strictObject({
  /** `lose`: never sent. `duplicate`: sent twice. `reorder`: held back until the next one was sent, or until the
   *  faults are cleared. `delay`: sent after a while. */
  kind: z.enum(['duplicate', 'reorder', 'lose', 'delay']),
  /** How many posts are struck; without it, all. */
  times: z.int().positive().optional(),
  /** For `delay`. */
  delayMs: z.number().nonnegative().default(5_000),
});

export type DeliveryFault = z.input<typeof deliveryFault>;
type Rule = z.output<typeof deliveryFault> & { struckCount: number };

/** What is to be done with one post. */
export type Struck = {
  readonly isLost: boolean;
  readonly isHeld: boolean;
  readonly copyCount: number;
  readonly delayMs: number;
};

export type DeliveryFaults = ReturnType<typeof createDeliveryFaults>;

/** No faults yet; `onClear` is told when all are cleared. */
export function createDeliveryFaults(onClear: () => void) {
  const rules = new Map<string, Rule>();
  let nextId = 1;

  return {
    /** @returns the id by which the fault is removed */
    add(fault: DeliveryFault): string {
      const id = String(nextId);
      rules.set(id, { ...deliveryFault.parse(fault), struckCount: 0 });
      nextId += 1;
      return id;
    },
    remove: (id: string): boolean => rules.delete(id),
    clear(): void {
      rules.clear();
      onClear();
    },
    list: () => [...rules].map(([id, rule]) => ({ id, ...rule })),
    /** Counts the next post as struck by every rule that is not used up. */
    strike(): Struck {
      const struck = [...rules.values()].filter(
        ({ times, struckCount }) => struckCount < (times ?? Infinity),
      );
      for (const rule of struck) rule.struckCount += 1;
      const has = (kind: Rule['kind']) => struck.some((rule) => rule.kind === kind);
      const delays = struck.filter(({ kind }) => kind === 'delay').map(({ delayMs }) => delayMs);
      return {
        isLost: has('lose'),
        isHeld: has('reorder'),
        copyCount: has('duplicate') ? 2 : 1,
        delayMs: Math.max(0, ...delays),
      };
    },
  };
}
