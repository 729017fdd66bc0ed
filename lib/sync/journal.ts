// What apply writes to the control database, each step in a transaction (steps at the same time share one), each under the lease and with its audit
// rows: the intent before LiteLLM is asked, the outcome before the next action. This is what makes a killed run
// resumable: the next plan is made from these records and from LiteLLM, never from memory.

import type { Clock } from '../clock.ts';
import type { EntraGroupId, EntraUserId, KeyHash, RunId } from '../ids.ts';
import { deleteApplied } from '../store/applied-settings.ts';
import { recordAudit } from '../store/audit.ts';
import type { AuditEntry } from '../store/audit-chain.ts';
import type { Database, Queryable } from '../store/database.ts';
import { createGroupCommit } from '../store/group-commit.ts';
import {
  type EscrowedKey,
  insertEscrowedKey,
  markKeyBlocked,
  markKeyDeleted,
  markKeyLive,
  markKeysReleased,
} from '../store/keys.ts';
import { type Lease, requireLease } from '../store/lease.ts';
import {
  deleteMembership,
  deleteMembershipsOf,
  insertMemberships,
  insertRemoval,
} from '../store/memberships.ts';

export type KeyBlock = { readonly keyHash: KeyHash; readonly cause: string; readonly heldByHand: boolean };
type Person = { readonly teamId: EntraGroupId; readonly userId: EntraUserId };

export type Journal = {
  /** Before a removal: it counts against the limits, and its keys carry the marker. */
  beginRemoval(person: Person, blocks: readonly KeyBlock[]): Promise<void>;
  /** LiteLLM refuses these keys from now on. */
  recordBlocked(person: Person, blocks: readonly KeyBlock[]): Promise<void>;
  recordMemberRemoved(person: Person, cause: string, outcome: 'removed' | 'already-absent'): Promise<void>;
  /** Before members are added: they are ours. */
  beginMembers(teamId: EntraGroupId, userIds: readonly EntraUserId[]): Promise<void>;
  /** Before a key is made: its ciphertext, and the key it replaces is given up. */
  beginMint(key: EscrowedKey, replaces: KeyHash | null): Promise<void>;
  recordKeyLive(
    person: Person,
    keyHash: KeyHash,
    event: 'key_minted' | 'key_confirmed' | 'key_restored',
    cause: string,
  ): Promise<void>;
  /** Nothing of the team is ours from here on. */
  recordTeamReleased(teamId: EntraGroupId, cause: string): Promise<void>;
  recordKeyDeleted(person: Person, keyHash: KeyHash, cause: string): Promise<void>;
  /** Outcomes that only the audit keeps. */
  record(entries: readonly Omit<AuditEntry, 'actor' | 'runId'>[]): Promise<void>;
};

type Step = {
  readonly entries: readonly Omit<AuditEntry, 'actor' | 'runId'>[];
  readonly work: ((transaction: Queryable) => Promise<void>) | undefined;
};

export type JournalOptions = {
  readonly database: Database;
  readonly lease: Lease;
  readonly runId: RunId;
  readonly actor: string;
  readonly clock: Clock;
};

/** Every method throws LEASE_LOST when a later run took over, and then has written nothing. */
export function createJournal({ database, lease, runId, actor, clock }: JournalOptions): Journal {
  const commit = createGroupCommit<Step>((steps) =>
    database.transaction(async (transaction) => {
      await requireLease(transaction, lease);
      for (const { work } of steps) await work?.(transaction);
      const entries = steps.flatMap((step) => step.entries.map((entry) => ({ ...entry, actor, runId })));
      await recordAudit(transaction, entries, clock.now());
    }),
  );
  const write = (entries: Step['entries'], work?: Step['work']) => commit({ entries, work });

  return {
    beginRemoval: (person, blocks) =>
      write([], async (transaction) => {
        await insertRemoval(transaction, runId, person);
        for (const block of blocks)
          await markKeyBlocked(transaction, block.keyHash, block.cause, block.heldByHand);
      }),
    recordBlocked: (person, blocks) =>
      write(
        blocks.map(({ keyHash, cause, heldByHand }) => ({
          event: 'key_blocked',
          ...person,
          keyHash,
          cause,
          details: { heldByHand },
        })),
      ),
    recordMemberRemoved: (person, cause, outcome) =>
      write([{ event: 'member_removed', ...person, cause, details: { outcome } }], (transaction) =>
        deleteMembership(transaction, person),
      ),
    beginMembers: (teamId, userIds) =>
      write([], (transaction) => insertMemberships(transaction, runId, teamId, userIds)),
    beginMint: (key, replaces) => write([], (transaction) => insertEscrowedKey(transaction, key, replaces)),
    recordKeyLive: (person, keyHash, event, cause) =>
      write([{ event, ...person, keyHash, cause }], (transaction) => markKeyLive(transaction, keyHash)),
    recordTeamReleased: (teamId, cause) =>
      write([{ event: 'team_released', teamId, cause }], async (transaction) => {
        await deleteMembershipsOf(transaction, teamId);
        await markKeysReleased(transaction, teamId);
        await deleteApplied(transaction, 'team', teamId);
      }),
    recordKeyDeleted: (person, keyHash, cause) =>
      write([{ event: 'key_deleted', ...person, keyHash, cause }], (transaction) =>
        markKeyDeleted(transaction, keyHash),
      ),
    record: (entries) => write(entries),
  };
}
