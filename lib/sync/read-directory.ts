// Who is in the mapped groups now: from the last snapshot and what Microsoft reports since, or from a full read.
// It writes nothing; what is to be stored is given back, for the transaction that ends the run.

import type {
  DeltaLinks,
  Directory,
  DirectoryChanges,
  DirectoryEvidence,
  DirectoryGroup,
} from '../directory/directory.ts';
import { completeRead, type Read } from '../directory/read.ts';
import type { EntraGroupId, EntraUserId } from '../ids.ts';
import type { Database } from '../store/database.ts';
import {
  type DirectorySnapshot,
  findPendingReads,
  readSnapshot,
  type SnapshotUpdate,
} from '../store/directory-snapshot.ts';
import type { DirectoryState, FullRead } from '../store/directory-state.ts';
import {
  isSameGroup,
  type Observation,
  observe,
  parentsOf,
  reachableFrom,
  resolveGroups,
  updateOf,
} from './snapshot.ts';

export type DirectoryReading = {
  /** `unchanged`: nothing that matters changed since the snapshot, and no group was asked for. */
  readonly kind: 'full' | 'changed' | 'unchanged' | 'failed';
  readonly groups: () => Promise<ReadonlyMap<EntraGroupId, Read<DirectoryGroup>>>;
  /** Stored when the run ends well; null after a read that proves nothing. */
  readonly update: (SnapshotUpdate & { readonly links: DeltaLinks; readonly fullRead: FullRead }) | null;
  /** Microsoft told of a change that Graph does not show yet: look again in a moment. */
  readonly isLagging: boolean;
};

export type DirectoryQuestion = {
  readonly mappedGroupIds: readonly EntraGroupId[];
  /** What notifications named; looked at whatever the deltas say. */
  readonly hintedGroupIds: readonly EntraGroupId[];
  readonly hintedUserIds: readonly EntraUserId[];
  readonly state: DirectoryState;
};

type Parts = { readonly directory: Directory; readonly database: Database };

export async function readDirectory(
  parts: Parts,
  question: DirectoryQuestion,
  signal: AbortSignal,
): Promise<DirectoryReading> {
  const { state, mappedGroupIds } = question;
  if (state.links === null) return readEverything(parts, mappedGroupIds, signal);
  const changes = await parts.directory.readChanges(state.links, signal);
  if (changes.status === 'reset') return readEverything(parts, mappedGroupIds, signal);
  if (changes.status === 'incomplete') {
    // Unknown is not unchanged: nothing may be concluded from who was there last time.
    const groups = new Map(mappedGroupIds.map((id) => [id, changes]));
    return { kind: 'failed', groups: async () => groups, update: null, isLagging: false };
  }
  if (state.isFullReadDue) return readEverything(parts, mappedGroupIds, signal, changes);
  const due = await findPendingReads(parts.database, {
    mappedGroupIds,
    changedGroupIds: [...changes.groups.keys(), ...question.hintedGroupIds],
    changedUserIds: [...changes.users.keys(), ...question.hintedUserIds],
  });
  const { links } = changes;
  if (due.groupIds.length === 0 && due.userIds.length === 0) {
    return {
      kind: 'unchanged',
      groups: async () =>
        resolveGroups(
          { snapshot: await readSnapshot(parts.database), unreadable: new Map() },
          mappedGroupIds,
        ),
      update: { groups: [], users: [], reachableGroupIds: null, links, fullRead: 'none' },
      isLagging: false,
    };
  }
  const before = await readSnapshot(parts.database);
  const observation = await readPending(parts.directory, before, due, changes, mappedGroupIds, signal);
  const hinted = question.hintedGroupIds.filter((id) => before.groups.has(id) && !changes.groups.has(id));
  const isUnseen = hinted.some((id) =>
    isSameGroup(before.groups.get(id), observation.snapshot.groups.get(id)),
  );
  return {
    kind: 'changed',
    groups: async () => resolveGroups(observation, mappedGroupIds),
    update: { ...updateOf(before, observation.snapshot, mappedGroupIds), links, fullRead: 'none' },
    isLagging: isUnseen || observation.contradicted.length > 0,
  };
}

const EMPTY: DirectorySnapshot = { groups: new Map(), users: new Map() };
const NO_EVIDENCE: DirectoryEvidence = { groups: new Map(), users: new Map() };

/** Links first: what changes during the read is then reported by the next look. With `changes` the links go on from
 *  the last look, and what they reported must show in what is read. Without, a replica that lags behind would go
 *  unnoticed: such a read is repeated soon. */
async function readEverything(
  { directory }: Parts,
  mappedGroupIds: readonly EntraGroupId[],
  signal: AbortSignal,
  changes?: Extract<DirectoryChanges, { status: 'complete' }>,
): Promise<DirectoryReading> {
  const links = changes ? completeRead(changes.links) : await directory.takeLinks(signal);
  const due = { groupIds: mappedGroupIds, userIds: [] };
  const evidence = changes ?? NO_EVIDENCE;
  const observation = await readPending(directory, EMPTY, due, evidence, mappedGroupIds, signal);
  const update = updateOf(EMPTY, observation.snapshot, mappedGroupIds);
  const fullRead = changes ? 'confirmed' : 'unconfirmed';
  return {
    kind: 'full',
    groups: async () => resolveGroups(observation, mappedGroupIds),
    update: links.status === 'complete' ? { ...update, links: links.value, fullRead } : null,
    isLagging: observation.contradicted.length > 0,
  };
}

/** Reads what is due, then what that leads to: groups newly nested, and the groups of people and groups that are gone. */
async function readPending(
  directory: Directory,
  before: DirectorySnapshot,
  due: { readonly groupIds: readonly EntraGroupId[]; readonly userIds: readonly EntraUserId[] },
  evidence: DirectoryEvidence,
  mappedGroupIds: readonly EntraGroupId[],
  signal: AbortSignal,
): Promise<Observation> {
  const [firstGroups, users] = await Promise.all([
    directory.readGroups(due.groupIds, signal),
    directory.readUsers(due.userIds, signal),
  ]);
  const groups = new Map(firstGroups);
  for (;;) {
    const gone = new Set<string>(
      [...users, ...groups]
        .filter(([, read]) => read.status === 'incomplete' && read.reason === 'not-found')
        .map(([id]) => id),
    );
    // Somebody deleted is no failed read: the lists of their groups tell.
    const known = new Map([...users].filter(([id]) => !gone.has(id)));
    const observation = observe(before, { groups, users: known }, evidence);
    const wanted = new Set([
      ...parentsOf(before, gone),
      ...[...reachableFrom(observation.snapshot, mappedGroupIds)].filter((id) => !before.groups.has(id)),
    ]);
    const missing = [...wanted].filter((id) => !groups.has(id));
    if (missing.length === 0) return observation;
    for (const [id, read] of await directory.readGroups(missing, signal)) groups.set(id, read);
  }
}
