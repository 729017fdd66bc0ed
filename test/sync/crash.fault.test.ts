// Killed between any two steps: a run is cut off before or after each of its calls to LiteLLM and each of its
// transactions, one after the other, and one clean run then reaches the desired state.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gateway } from '../../lib/gateway/client.ts';
import { verifyAudit } from '../../lib/store/audit.ts';
import { useControlDatabases } from '../store/database-fixture.ts';
import { type FakeLiteLLM, startFakeLiteLLM } from '../world/litellm-fake/start.ts';
import { killAtEveryStep } from './guillotine.ts';
import { type Company, createCompany, findDifferences, newPerson } from './reconcile-fixture.ts';

const createControlDatabase = useControlDatabases();
let litellm: FakeLiteLLM;
beforeAll(async () => {
  litellm = await startFakeLiteLLM({ masterKey: 'sk-master-of-the-fake' });
});
afterAll(() => litellm.close());

/** Joins, leaves, a rejoin and a rename at once, so that every kind of action is in the plan. */
async function prepare(): Promise<Company> {
  const world = await createCompany(litellm, await createControlDatabase(), [3, 6]);
  const [first = [], second = []] = world.groups.map((id) => world.directory.members.get(id));
  const returning = second[0];
  if (!returning) throw new Error('a person');
  await world.run();
  second.splice(0, 1);
  await world.run();
  second.splice(0, 1);
  second.push(newPerson(), newPerson(), returning);
  first.push(newPerson());
  first[0] = { ...(first[0] as (typeof first)[0]), displayName: 'Renamed' };
  return world;
}

test('a run killed before or after any of its steps is finished by one clean run', {
  timeout: 120_000,
}, async () => {
  const steps = await killAtEveryStep(litellm, prepare, async (world, at) => {
    const report = await world.run();
    expect(report.status, `killed at step ${at}`).toBe('succeeded');
    expect(await findDifferences(world), `killed at step ${at}`).toEqual([]);
    expect((await world.run()).done, `killed at step ${at}`).toEqual({});
    expect(await verifyAudit(world.database)).toMatchObject({ status: 'intact' });
    const ours = await world.database.query(
      `select 1 from keys where status in ('escrowed', 'live') group by user_id, team_id having count(*) > 1`,
    );
    expect(ours.rows).toEqual([]);
  });
  expect(steps).toBeGreaterThan(40);
});

test('a run that was taken over in mid-apply can no longer write', async () => {
  const world = await prepare();
  const takeOver = async () => {
    await world.database.query(`update leases set token = token + 1, holder = 'the later run'`);
  };
  let isTaken = false;
  const gateway: Gateway = {
    ...world.gateway,
    blockKey: async (keyHash, signal) => {
      if (!isTaken) await takeOver();
      isTaken = true;
      return world.gateway.blockKey(keyHash, signal);
    },
  };
  const before = litellm.requests.length;

  await expect(world.run({ gateway })).rejects.toMatchObject({ code: 'LEASE_LOST' });

  const writes = litellm.requests.slice(before).filter((request) => request.method === 'POST');
  expect(writes.map((request) => request.path)).toEqual(['/key/block']);
});
