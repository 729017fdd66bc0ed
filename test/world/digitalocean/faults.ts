// Faults of the double as data: which call, which time, what happens. A test states them before it acts and can ask
// afterwards whether each was met.

export type FaultKind =
  /** Answers `status` and does nothing. */
  | { readonly kind: 'fail'; readonly status: number; readonly retryAfterSeconds?: number }
  /** Does the work, then answers `status`. */
  | { readonly kind: 'fail-after-write'; readonly status: number }
  /** Does the work, then never answers. */
  | { readonly kind: 'hang-after-write' }
  /** Closes the connection and does nothing. */
  | { readonly kind: 'reset' }
  /** Does the work, then closes the connection. */
  | { readonly kind: 'reset-after-write' }
  /** Answers another JSON value in place of the real one. */
  | { readonly kind: 'wrong-answer'; readonly body: unknown };

export type Fault = FaultKind & {
  readonly method?: string;
  /** What the path begins with, such as `/v2/droplets`; absent, every path. */
  readonly path?: string;
  /** The first matching call that is hit, from 1, counted from when the fault was stated; absent, the next. */
  readonly nth?: number;
  /** How many calls in a row are hit; absent, one. */
  readonly times?: number;
};

export type Faults = {
  add(fault: Fault): void;
  clear(): void;
  /** Faults that no call has met in full yet. */
  listUnmet(): readonly Fault[];
  /** The fault for this call, counted as met. */
  take(method: string, path: string): Fault | undefined;
};

export function createFaults(): Faults {
  let stated: { fault: Fault; seenCount: number }[] = [];
  const lastHit = (fault: Fault) => (fault.nth ?? 1) + (fault.times ?? 1) - 1;
  return {
    add: (fault) => {
      stated.push({ fault, seenCount: 0 });
    },
    clear: () => {
      stated = [];
    },
    listUnmet: () =>
      stated.filter(({ fault, seenCount }) => seenCount < lastHit(fault)).map(({ fault }) => fault),
    take: (method, path) => {
      let taken: Fault | undefined;
      for (const entry of stated) {
        const { fault } = entry;
        if (fault.method !== undefined && fault.method !== method) continue;
        if (fault.path !== undefined && !path.startsWith(fault.path)) continue;
        entry.seenCount += 1;
        const isHit = entry.seenCount >= (fault.nth ?? 1) && entry.seenCount <= lastHit(fault);
        if (isHit) taken ??= fault;
      }
      return taken;
    },
  };
}
