// Takes over what adoption.yml names: marks it in LiteLLM and records it as ours. It changes no limit, no member and no
// key's value, so whatever worked before works after.
//
// Safe to kill anywhere, and then the next run or a repeat comes. All pairs of ids are recorded first; a team that has a
// pair but no marker is left alone by every run. Then people, then keys, and a team's marker last, when all in it is
// known. A repeat does what is left.

import type { Clock } from '../../clock.ts';
import { ControlError } from '../../errors.ts';
import { createIdentityMap } from '../../gateway/identity-map.ts';
import type { GatewayState } from '../../gateway/state.ts';
import type { RunId } from '../../ids.ts';
import type { Log } from '../../log.ts';
import { insertAdoptions } from '../../store/adoptions.ts';
import { recordAudit } from '../../store/audit.ts';
import { updateSettled } from '../../store/directory-state.ts';
import { type Lease, requireLease } from '../../store/lease.ts';
import { insertRun, updateRunEnd } from '../../store/runs.ts';
import { requireSchema } from '../../store/schema.ts';
import { withLease } from '../run-lease.ts';
import { recordFailure } from '../run-records.ts';
import { type AdoptGateway, adoptKey, adoptTeam, adoptUsers, type Write } from './adopt-steps.ts';
import { type AdoptionSteps, checkAdoption } from './check.ts';
import type { AdoptionFile } from './file.ts';
import { type PresentDependencies, readPresent } from './read-present.ts';

export type AdoptDependencies = PresentDependencies & {
  /** LiteLLM under its own ids. */
  readonly unmapped: {
    readonly gateway: AdoptGateway;
    readonly readGatewayState: (signal: AbortSignal) => Promise<GatewayState>;
  };
  readonly clock: Clock;
  readonly log: Log;
};

const USERS_A_STEP = 100; // one call to LiteLLM each

export type AdoptRequest = { readonly runId: RunId; readonly actor: string; readonly signal: AbortSignal };

/** What would be done. @throws ControlError ADOPTION_REFUSED with everything that changed since it was proposed */
export async function planAdoption(
  dependencies: AdoptDependencies,
  file: AdoptionFile,
  signal: AbortSignal,
): Promise<AdoptionSteps> {
  await requireSchema(dependencies.database);
  const gateway = await dependencies.unmapped.readGatewayState(signal);
  const { present } = await readPresent(dependencies, gateway, [], dependencies.clock.now(), signal);
  const { steps, problems } = checkAdoption(file, present);
  if (problems.length > 0) {
    const lines = problems.map(({ path, message }) => `  ${path}: ${message}`).join('\n');
    throw new ControlError(
      'ADOPTION_REFUSED',
      `Nothing was taken over; correct these or remove their entries, or propose anew:\n${lines}`,
      { details: { problemCount: problems.length, paths: problems.map(({ path }) => path) } },
    );
  }
  createIdentityMap([...present.adoptions.filter(isNotIn(steps)), ...pairsOf(steps)]);
  return steps;
}

/** Does it, under the lease. A repeat does nothing, or what a killed attempt left.
 *  @throws ControlError ADOPTION_REFUSED, LEASE_HELD, LEASE_LOST, GATEWAY_…, GRAPH_…, STORE_… */
export async function applyAdoption(
  dependencies: AdoptDependencies,
  file: AdoptionFile,
  request: AdoptRequest,
): Promise<AdoptionSteps> {
  const { database, log } = dependencies;
  const { runId, signal } = request;
  await requireSchema(database);
  return withLease(dependencies, runId, signal, async (lease, working) => {
    const steps = await planAdoption(dependencies, file, working);
    if (steps.users.length + steps.keys.length + steps.teams.length === 0) return steps;
    try {
      await carryOut(dependencies, lease, request, steps, working);
    } catch (error) {
      await recordFailure(database, runId, error, log);
      throw error;
    }
    return steps;
  });
}

async function carryOut(
  { database, unmapped, clock }: AdoptDependencies,
  lease: Lease,
  { runId, actor }: AdoptRequest,
  steps: AdoptionSteps,
  signal: AbortSignal,
): Promise<void> {
  const { gateway } = unmapped;
  const write: Write = (entries, work) =>
    database.transaction(async (transaction) => {
      await requireLease(transaction, lease);
      await work(transaction);
      await recordAudit(
        transaction,
        entries.map((entry) => ({ ...entry, actor, runId })),
        clock.now(),
      );
    });
  const { users, keys, teams } = steps;
  const done = { adopt_user: users.length, adopt_key: keys.length, adopt_team: teams.length };

  await write([{ event: 'adoption_begun', details: done }], async (transaction) => {
    await insertRun(transaction, lease, runId, 'adopt');
    await insertAdoptions(transaction, { runId, actor }, pairsOf(steps));
    await updateSettled(transaction, null);
  });
  for (let i = 0; i < users.length; i += USERS_A_STEP)
    await adoptUsers(users.slice(i, i + USERS_A_STEP), gateway, write, signal);
  for (const key of keys) await adoptKey(key, gateway, write, signal);
  for (const team of teams) await adoptTeam(team, runId, gateway, write, signal);
  await write([], (transaction) =>
    updateRunEnd(transaction, runId, { status: 'succeeded', planDigest: null, summary: { done } }),
  );
}

function pairsOf({ teams, users }: AdoptionSteps) {
  return [
    ...teams.map(({ groupId, row }) => ({
      kind: 'team' as const,
      entraId: groupId as string,
      gatewayId: row.teamId,
    })),
    ...users.map(({ entraId, row }) => ({
      kind: 'user' as const,
      entraId: entraId as string,
      gatewayId: row.userId,
    })),
  ];
}

/** A pair that a killed attempt recorded is among the steps again. */
function isNotIn(steps: AdoptionSteps) {
  const ids = new Set(pairsOf(steps).map(({ kind, entraId }) => `${kind}/${entraId}`));
  return ({ kind, entraId }: { kind: string; entraId: string }) => !ids.has(`${kind}/${entraId}`);
}
