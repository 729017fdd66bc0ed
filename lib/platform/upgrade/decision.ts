// What an upgrade of LiteLLM does next, from what it was doing and how that went. Pure; what is done is done elsewhere.
//
// The phase is recorded on the droplet before its step begins, so a phase that is read later says that its step may have
// been done in part. Each step may be repeated.
//
// The invariants, held by test/platform/upgrade-decision.property.test.ts:
// - No migration begins without a backup made and checked since LiteLLM was last stopped.
// - What was migrated and does not serve gets its database back before the version before starts: a newer schema may
//   refuse an older LiteLLM, or be misread by it, and LiteLLM has no migration back.
// - It ends only with a version that passed the gate. Where even that fails it is stuck, says so, and a repeat goes on.

/** From the version before to the one asked for. */
export const FORWARD = [
  /** The new image is resolved and fetched; LiteLLM serves. */
  'preparing',
  /** Nobody writes to the database after this: what a restore brings back is then what was last there. A blocked key
   *  that a restore revived would be the worst outcome of all. */
  'stopping',
  'backing_up',
  'migrating',
  'starting',
  'checking',
] as const;

/** And back. */
export const PHASES = [...FORWARD, 'restoring', 'starting_previous', 'checking_previous'] as const;

export type UpgradePhase = (typeof PHASES)[number];

/** How a phase went. `interrupted`: somebody finds it recorded and nothing at work on it. */
export type UpgradeEvent = 'done' | 'failed' | 'interrupted';

export type UpgradeStep =
  | { readonly kind: 'run'; readonly phase: UpgradePhase }
  /** `unchanged`: nothing was touched. */
  | { readonly kind: 'ended'; readonly outcome: 'upgraded' | 'returned' | 'unchanged' }
  /** A person is needed; a repeat goes on with this phase. */
  | { readonly kind: 'stuck'; readonly phase: UpgradePhase };

const run = (phase: UpgradePhase): UpgradeStep => ({ kind: 'run', phase });

const NEXT: Readonly<Record<UpgradePhase, Readonly<Record<UpgradeEvent, UpgradeStep>>>> = {
  preparing: {
    done: run('stopping'),
    failed: { kind: 'ended', outcome: 'unchanged' },
    interrupted: run('preparing'),
  },
  stopping: {
    done: run('backing_up'),
    failed: run('starting_previous'),
    interrupted: run('stopping'),
  },
  backing_up: {
    done: run('migrating'),
    failed: run('starting_previous'),
    // The droplet may have been rebooted, LiteLLM served since then, and the backup be older than what was written.
    interrupted: run('stopping'),
  },
  migrating: {
    done: run('starting'),
    failed: run('restoring'),
    // A migration goes on where it was (prisma keeps a list), and one that cannot fails and is answered by a restore.
    interrupted: run('migrating'),
  },
  starting: {
    done: run('checking'),
    failed: run('restoring'),
    interrupted: run('starting'),
  },
  checking: {
    done: { kind: 'ended', outcome: 'upgraded' },
    failed: run('restoring'),
    interrupted: run('starting'),
  },
  restoring: {
    done: run('starting_previous'),
    // One transaction: a failed restore changed nothing. Starting the version before on it would be a guess.
    failed: { kind: 'stuck', phase: 'restoring' },
    interrupted: run('restoring'),
  },
  starting_previous: {
    done: run('checking_previous'),
    failed: { kind: 'stuck', phase: 'starting_previous' },
    interrupted: run('starting_previous'),
  },
  checking_previous: {
    done: { kind: 'ended', outcome: 'returned' },
    failed: { kind: 'stuck', phase: 'starting_previous' },
    interrupted: run('starting_previous'),
  },
};

/** The next step after `phase` went as `event` says. */
export function decideNext(phase: UpgradePhase, event: UpgradeEvent): UpgradeStep {
  return NEXT[phase][event];
}
