// An upgrade on a droplet that is only its facts: what serves, what the schema is, which backup there is. Any step may
// fail or be cut off half-way, any number of times.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decideNext,
  PHASES,
  type UpgradeEvent,
  type UpgradePhase,
  type UpgradeStep,
} from '../../lib/platform/upgrade/decision.ts';

type Version = 'before' | 'after';
type Facts = {
  running: Version | undefined;
  lock: Version;
  schema: Version | 'between';
  /** Writes since LiteLLM last ran; a backup of now holds all of them. */
  isBackupFresh: boolean;
  wasMigratedWithoutBackup: boolean;
  /** A restore brought back less than the version before wrote: a key that was blocked works again. */
  hasLostWrites: boolean;
  /** A reboot starts no LiteLLM. */
  isHeld: boolean;
};

/** What a step leaves, whether it went well, failed half-way or was cut off. */
function carryOut(facts: Facts, phase: UpgradePhase, event: UpgradeEvent): void {
  const isWhole = event === 'done';
  switch (phase) {
    case 'preparing':
      return;
    case 'stopping':
      if (isWhole) facts.running = undefined;
      return;
    case 'backing_up':
      facts.isBackupFresh = isWhole;
      return;
    case 'migrating':
      facts.isHeld = true;
      facts.running = undefined;
      if (!facts.isBackupFresh) facts.wasMigratedWithoutBackup = true;
      facts.schema = isWhole ? 'after' : 'between';
      return;
    case 'starting':
      facts.lock = 'after';
      if (isWhole) facts.running = 'after';
      return;
    case 'restoring':
      facts.lock = 'before';
      facts.running = undefined;
      if (isWhole) {
        facts.schema = 'before';
        if (!facts.isBackupFresh) facts.hasLostWrites = true;
      }
      return;
    case 'starting_previous':
      facts.lock = 'before';
      if (isWhole) facts.running = 'before';
      return;
    case 'checking':
    case 'checking_previous':
      if (isWhole) facts.isHeld = false;
      return;
  }
}

const events = fc.array(
  fc.record({
    event: fc.constantFrom<UpgradeEvent>('done', 'failed', 'interrupted'),
    /** A reboot starts what the lock says. */
    isRebooted: fc.boolean(),
  }),
  { maxLength: 60 },
);

function upgrade(sequence: readonly { event: UpgradeEvent; isRebooted: boolean }[]) {
  const facts: Facts = {
    running: 'before',
    lock: 'before',
    schema: 'before',
    isBackupFresh: false,
    wasMigratedWithoutBackup: false,
    hasLostWrites: false,
    isHeld: false,
  };
  let step: UpgradeStep = { kind: 'run', phase: 'preparing' };
  for (const { event, isRebooted } of sequence) {
    // A person who removed the cause runs it again.
    if (step.kind === 'stuck') step = decideNext(step.phase, 'interrupted');
    if (step.kind !== 'run') break;
    carryOut(facts, step.phase, event);
    if (event === 'interrupted' && isRebooted) facts.running = facts.isHeld ? undefined : facts.lock;
    if (facts.running === 'before' && facts.schema === 'before') facts.isBackupFresh = false;
    if (facts.running === 'before' && facts.schema !== 'before') facts.hasLostWrites = true;
    step = decideNext(step.phase, event);
  }
  return { facts, step };
}

test('no migration begins without a checked backup of what LiteLLM last wrote, whatever fails or is cut off', () => {
  fc.assert(
    fc.property(events, (sequence) => {
      expect(upgrade(sequence).facts.wasMigratedWithoutBackup).toBe(false);
    }),
  );
});

test('a return brings back everything that the version before wrote', () => {
  fc.assert(
    fc.property(events, (sequence) => {
      expect(upgrade(sequence).facts.hasLostWrites).toBe(false);
    }),
  );
});

test('it ends only with a version that serves on the schema it knows', () => {
  fc.assert(
    fc.property(events, (sequence) => {
      const { facts, step } = upgrade(sequence);
      if (step.kind !== 'ended') return;
      const expected = step.outcome === 'upgraded' ? 'after' : 'before';
      expect([facts.running, facts.schema, facts.lock]).toEqual([expected, expected, expected]);
    }),
  );
});

test('from every phase, when nothing fails any more, it ends', () => {
  for (const phase of PHASES) {
    let step: UpgradeStep = decideNext(phase, 'interrupted');
    for (let count = 0; step.kind === 'run' && count < PHASES.length; count += 1)
      step = decideNext(step.phase, 'done');

    expect([phase, step.kind]).toEqual([phase, 'ended']);
  }
});

test('one that is stuck goes on when it is run again and the cause is gone', () => {
  fc.assert(
    fc.property(events, (sequence) => {
      let { step } = upgrade(sequence);
      if (step.kind !== 'stuck') return;
      step = decideNext(step.phase, 'interrupted');
      while (step.kind === 'run') step = decideNext(step.phase, 'done');
      expect(step).toEqual({ kind: 'ended', outcome: 'returned' });
    }),
  );
});

test('a reboot in the middle starts a version whose schema is there, or the migration is not yet whole', () => {
  fc.assert(
    fc.property(events, (sequence) => {
      const { facts } = upgrade(sequence);
      if (facts.lock === 'after') expect(facts.schema).toBe('after');
    }),
  );
});
