// Faults as data: each rule says which requests it hits, from which call on, how often, and what goes wrong.

import * as z from 'zod';

const fault = z.discriminatedUnion('kind', [
  /** Graph answers with this status; for a request inside a batch, its item does. */
  z.strictObject({ kind: z.literal('status'), status: z.int(), retryAfterSeconds: z.number().optional() }),
  /** As `status`, but only for requests inside a batch. */
  z.strictObject({
    kind: z.literal('batch-item-status'),
    status: z.int(),
    retryAfterSeconds: z.number().optional(),
  }),
  /** The connection is destroyed without an answer. */
  z.strictObject({ kind: z.literal('reset') }),
  /** The JSON stops half-way, with a content-length to match. */
  z.strictObject({ kind: z.literal('truncated-page') }),
  /** The answer is sent after a while. */
  z.strictObject({ kind: z.literal('slow'), delayMs: z.number().nonnegative() }),
  /** A page that has a successor does not say so. */
  z.strictObject({ kind: z.literal('missing-next-link') }),
  /** A page names its successor on another host. */
  z.strictObject({ kind: z.literal('foreign-next-link'), origin: z.string() }),
  /** A page names itself as its successor. */
  z.strictObject({ kind: z.literal('circular-next-link') }),
  /** Members come with their id alone, as when User.Read.All is missing. */
  z.strictObject({ kind: z.literal('null-members') }),
  /** Members of the page come twice. */
  z.strictObject({ kind: z.literal('duplicate-members') }),
  /** Items of a batch come in reverse order. */
  z.strictObject({ kind: z.literal('reversed-batch') }),
  /** The first item of a batch is left out. */
  z.strictObject({ kind: z.literal('lost-batch-item') }),
  /** A round of a delta begins with an empty page that leads on; a later page is not changed. */
  z.strictObject({ kind: z.literal('delta-empty-page') }),
  /** The items of the round before come again, as they were then, before those of the round that is begun. */
  z.strictObject({ kind: z.literal('delta-replay') }),
  /** 410 with the address that starts anew. */
  z.strictObject({ kind: z.literal('delta-gone') }),
  /** 400 syncStateNotFound, as after seven days. */
  z.strictObject({ kind: z.literal('delta-token-expired') }),
  /** The round that is begun ends before the newest changes; the next one reports them. */
  z.strictObject({ kind: z.literal('delta-lag'), changeCount: z.int().positive() }),
  /** A list of direct members is as it was so many changes of that group's members ago. */
  z.strictObject({ kind: z.literal('stale-members'), changeCount: z.int().positive() }),
]);

export const faultRule = z.strictObject({
  match: z
    .strictObject({
      method: z.string().optional(),
      /** Regular expression on path and query, such as `/transitiveMembers`. */
      path: z.string().optional(),
      /** Hits every request whose path names this group. */
      groupId: z.string().optional(),
    })
    .default({}),
  /** The first matching call that is hit, from 1. */
  nth: z.int().positive().default(1),
  /** How many matching calls are hit from there on; without it, all. */
  times: z.int().positive().optional(),
  fault,
});

export type Fault = z.infer<typeof fault>;
export type FaultRule = z.input<typeof faultRule>;

export type FaultTarget = { readonly method: string; readonly path: string; readonly isBatchItem: boolean };

export type Faults = ReturnType<typeof createFaults>;

/** A set of rules that counts what it has hit. */
export function createFaults() {
  const rules = new Map<string, z.output<typeof faultRule> & { callCount: number }>();
  let nextId = 1;

  return {
    /** @returns the id by which the rule is removed */
    add(rule: FaultRule): string {
      const id = String(nextId);
      nextId += 1;
      rules.set(id, { ...faultRule.parse(rule), callCount: 0 });
      return id;
    },
    remove: (id: string): boolean => rules.delete(id),
    clear: (): void => rules.clear(),
    list: () => [...rules].map(([id, rule]) => ({ id, ...rule })),
    /** What goes wrong with this request; counts it as a call of each rule that matches. */
    strike(target: FaultTarget): readonly Fault[] {
      const struck: Fault[] = [];
      for (const rule of rules.values()) {
        if (!isHit(rule, target)) continue;
        rule.callCount += 1;
        const isDue = rule.callCount >= rule.nth;
        const isSpent = rule.times !== undefined && rule.callCount >= rule.nth + rule.times;
        if (isDue && !isSpent) struck.push(rule.fault);
      }
      return struck;
    },
  };
}

function isHit({ match, fault }: z.output<typeof faultRule>, target: FaultTarget): boolean {
  if (fault.kind === 'batch-item-status' && !target.isBatchItem) return false;
  if (match.method !== undefined && match.method.toUpperCase() !== target.method) return false;
  if (match.groupId !== undefined && !target.path.includes(`/groups/${match.groupId}`)) return false;
  return match.path === undefined || new RegExp(match.path).test(target.path);
}
