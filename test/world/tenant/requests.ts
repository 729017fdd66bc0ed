// What the tenant was asked, for assertions such as "at most two Graph calls".

export type SeenRequest = {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly status: number;
  /** Whether it came inside a batch; such requests are no calls of their own. */
  readonly isBatchItem: boolean;
};

export type Requests = ReturnType<typeof createRequests>;

/** A record of requests in the order they were answered. */
export function createRequests() {
  const seen: SeenRequest[] = [];
  return {
    record: (request: SeenRequest): void => {
      seen.push(request);
    },
    list: (): readonly SeenRequest[] => [...seen],
    clear: (): void => {
      seen.length = 0;
    },
    /** HTTP calls of Graph and of the token endpoint, and how often each path was asked for, in batches too. */
    count() {
      const calls = seen.filter((request) => !request.isBatchItem);
      const byPath: Record<string, number> = {};
      for (const { method, path } of seen) {
        const key = `${method} ${path.split('?')[0]}`;
        byPath[key] = (byPath[key] ?? 0) + 1;
      }
      return {
        graphCalls: calls.filter((request) => request.path.startsWith('/v1.0/')).length,
        tokenCalls: calls.filter((request) => /\/token(\?|$)/.test(request.path)).length,
        byPath,
      };
    },
  };
}
