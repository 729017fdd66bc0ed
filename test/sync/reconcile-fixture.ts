// A company of four groups that a test can change, and everything a run needs around it. LiteLLM is whichever
// is given: the fake or the real one.

import { randomBytes, randomUUID } from 'node:crypto';
import { systemClock } from '../../lib/clock.ts';
import type { DirectoryUser } from '../../lib/directory/directory.ts';
import { createGateway, type Gateway } from '../../lib/gateway/client.ts';
import { readKeysFromApi, readStateFromApi } from '../../lib/gateway/state-from-api.ts';
import { type EntraGroupId, parseEntraGroupId, parseEntraUserId, parseRunId } from '../../lib/ids.ts';
import { createEscrowKeyPair } from '../../lib/keys/escrow.ts';
import { mintKey } from '../../lib/keys/mint.ts';
import { revealKeys } from '../../lib/keys/reveal.ts';
import { createLog } from '../../lib/log.ts';
import { type Policy, parsePolicy } from '../../lib/policy/schema.ts';
import type { Secret } from '../../lib/secret.ts';
import type { RunReport } from '../../lib/sync/report.ts';
import { type ReconcileDependencies, type RunRequest, reconcile } from '../../lib/sync/run.ts';
import type { ControlDatabase } from '../store/database-fixture.ts';
import { FakeDirectory } from './fake-directory.ts';

export type LiteLLMAddress = { readonly baseUrl: string; readonly adminKey: Secret };

export async function createCompany(
  litellm: LiteLLMAddress,
  { database }: ControlDatabase,
  groupSizes: readonly number[] = [3, 10],
) {
  const gateway: Gateway = createGateway({
    ...litellm,
    clock: systemClock,
    timeoutMs: 30_000,
    maxConcurrency: 4,
  });
  const escrow = await createEscrowKeyPair();
  const directory = new FakeDirectory();
  const logLines: string[] = [];
  const groups = groupSizes.map((size) => {
    const id = parseEntraGroupId(randomUUID());
    directory.members.set(id, Array.from({ length: size }, newPerson));
    return id;
  });
  const dependencies: ReconcileDependencies = {
    policy: policyFor(groups),
    directory,
    readGatewayState: (signal) => readStateFromApi(gateway, signal),
    readGatewayKeys: (keyHashes, signal) => readKeysFromApi(gateway, keyHashes, signal),
    readGatewayDigest: async () => null,
    codeVersion: 'test',
    keepSubscriptions: async () => ({ state: 'not-due' }),
    tellTeams: async () => undefined,
    database,
    gateway,
    mintKey: (owner) => mintKey(owner, { escrowPublicKey: escrow.publicKey, randomBytes }),
    clock: systemClock,
    log: createLog({}, { write: (line) => logLines.push(line) }),
    concurrency: 4,
  };

  const run = (
    overrides: Partial<ReconcileDependencies> = {},
    request: Partial<RunRequest> = {},
  ): Promise<RunReport> =>
    reconcile(
      { ...dependencies, ...overrides },
      {
        runId: parseRunId(randomUUID()),
        trigger: 'manual',
        actor: 'test',
        deadlineAt: new Date(Date.now() + 240_000),
        signal: new AbortController().signal,
        ...request,
      },
    ).then((result) => result.report);
  const revealKey = async (userId: string, teamId: EntraGroupId): Promise<string> => {
    const [key] = await revealKeys(database, escrow, {
      userId: parseEntraUserId(userId),
      teamId,
      actor: 'test',
      now: new Date(),
    });
    if (!key) throw new Error('no key');
    return key.plaintext.reveal();
  };
  return { directory, groups, gateway, dependencies, database, logLines, run, revealKey };
}

export type Company = Awaited<ReturnType<typeof createCompany>>;

export function newPerson(): DirectoryUser {
  const id = parseEntraUserId(randomUUID());
  const mail = `${id}@example.com`;
  return {
    id,
    displayName: `Person ${id.slice(0, 4)}`,
    mail,
    userPrincipalName: mail,
    accountEnabled: true,
    kind: 'member',
  };
}

export function policyFor(groups: readonly EntraGroupId[]): Policy {
  const scope = {
    always_allow: 2,
    run: { max_count: 10, max_percent: 50 },
    day: { max_count: 20, max_percent: 60 },
  };
  return parsePolicy({
    version: 1,
    groups: groups.map((id) => ({
      entra_group: id,
      team: `Team ${id.slice(0, 8)}`,
      models: ['gpt-4'],
      max_budget: 100,
      budget_duration: '30d',
    })),
    guard: { per_group: scope, overall: scope },
    offboarding: { grace_days: 30 },
  });
}

/** How the world differs from what Entra asks for: empty when every wanted person has one working key and nobody else has. */
export async function findDifferences({ directory, groups, gateway }: Company): Promise<string[]> {
  const signal = AbortSignal.timeout(60_000);
  const [teams, keys] = await Promise.all([gateway.listTeams(signal), gateway.listKeys(signal)]);
  return groups.flatMap((teamId) => {
    const wanted = directory
      .listMembers(teamId)
      .filter((user) => user.accountEnabled)
      .map((user) => user.id as string);
    const members = (teams.find((team) => team.teamId === teamId)?.members ?? []).map(
      (member) => member.userId,
    );
    const working = keys
      .filter((key) => key.teamId === teamId && !key.blocked)
      .map((key) => key.userId ?? '');
    const count = (list: readonly string[], id: string) => list.filter((item) => item === id).length;
    const people = new Set([...wanted, ...members, ...working].filter((id) => id !== 'default_user_id'));
    return [...people].flatMap((id) => {
      const expected = wanted.includes(id) ? 1 : 0;
      const found = { membership: count(members, id), key: count(working, id) };
      return found.membership === expected && found.key === expected
        ? []
        : [`${teamId}/${id}: wanted ${expected}, has ${JSON.stringify(found)}`];
    });
  });
}
