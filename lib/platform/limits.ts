// What DigitalOcean Functions allows, as numbers. The adapter, the check of project.yml and the local functions
// host share them. Source: https://docs.digitalocean.com/products/functions/details/limits/

export const PLATFORM_LIMITS = {
  /** Parameters in, and result out. */
  payloadBytes: 1024 * 1024,
  /** Kept logs of one invocation; the rest is cut. */
  logBytes: 256 * 1024,
  /** The uploaded code of one function. */
  codeBytes: 48 * 1024 * 1024,
  /** Invocations at one time in a namespace; more are answered 429. */
  concurrentCount: 120,
  /** Invocations a minute in a namespace; more are answered 429. */
  perMinuteCount: 600,
  /** A blocking call that lasts longer is answered 202 and goes on alone. */
  blockingMs: 30_000,
  timeoutMs: { smallest: 1, largest: 15 * 60 * 1000, whenOmitted: 3000 },
  memoryMb: { smallest: 128, largest: 1024, whenOmitted: 256 },
  /** Scheduler triggers of a namespace. */
  triggerCount: 3,
} as const;

/** https://docs.digitalocean.com/products/functions/reference/runtimes/node-js/ ; `nodejs:default` moves with the
 *  platform and there is no nodejs:20. */
export const NODE_RUNTIMES = ['nodejs:14', 'nodejs:18', 'nodejs:22', 'nodejs:24'] as const;
