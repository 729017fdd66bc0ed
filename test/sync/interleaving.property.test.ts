// Whatever order people, notifications, failures and crashes come in: after one clean run LiteLLM has exactly the
// people Entra has. Every step is one of the things that happen to a company; no run in between needs to succeed.

import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EntraGroupId, parseEntraGroupId } from '../../lib/ids.ts';
import { parsePolicy } from '../../lib/policy/schema.ts';
import { verifyAudit } from '../../lib/store/audit.ts';
import { claimHints, recordHints } from '../../lib/store/hints.ts';
import { useControlDatabases } from '../store/database-fixture.ts';
import { type FakeLiteLLM, startFakeLiteLLM } from '../world/litellm-fake/start.ts';
import { type Company, createCompany, findDifferences, newPerson, policyFor } from './reconcile-fixture.ts';

const createControlDatabase = useControlDatabases();
let litellm: FakeLiteLLM;
beforeAll(async () => {
  litellm = await startFakeLiteLLM({ masterKey: 'sk-master-of-the-fake' });
});
afterAll(() => litellm.close());

/** 0 and 1 are mapped; 2 and 3 may be nested in them and in each other. */
const GROUP_COUNT = 4;
const group = fc.nat(GROUP_COUNT - 1);
const pick = fc.nat(1_000);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('join' as const), group, pick }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('leave' as const), group, pick }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('toggle' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rename' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete-user' as const), pick }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('nest' as const), group, pick: group }) },
  /** True, false, doubled or about a stranger: hints promise nothing. */
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('hint' as const), group, pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete-group' as const), pick: fc.nat(1) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('run' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('crash' as const), at: fc.integer({ min: 1, max: 40 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('graph-down' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('corrupt-link' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lagging-replica' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unreadable' as const), group }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function play(company: Company, ids: readonly EntraGroupId[], one: Step): Promise<void> {
  const { directory, database, run } = company;
  const groupAt = (n: number) => ids[n] as EntraGroupId;
  const everybody = () => [
    ...new Map([...directory.members.values()].flat().map((user) => [user.id, user])).values(),
  ];
  const chosen = (n: number) => everybody()[n % Math.max(1, everybody().length)];
  const update = (id: string, values: object) => {
    for (const [groupId, members] of directory.members)
      directory.members.set(
        groupId,
        members.map((user) => (user.id === id ? { ...user, ...values } : user)),
      );
  };
  const attempt = () => run().catch(() => undefined);
  switch (one.kind) {
    case 'join': {
      const person = one.pick % 3 === 0 ? newPerson() : chosen(one.pick);
      const members = directory.members.get(groupAt(one.group));
      if (members && person && !members.some((user) => user.id === person.id)) {
        directory.members.set(groupAt(one.group), [...members, person]);
      }
      return;
    }
    case 'leave': {
      const members = directory.members.get(groupAt(one.group));
      if (!members) return;
      const at = one.pick % Math.max(1, members.length);
      directory.members.set(
        groupAt(one.group),
        members.filter((_, index) => index !== at),
      );
      return;
    }
    case 'toggle': {
      const person = chosen(one.pick);
      if (person) update(person.id, { accountEnabled: !person.accountEnabled });
      return;
    }
    case 'rename': {
      const person = chosen(one.pick);
      if (person) update(person.id, { displayName: `Renamed ${one.pick}` });
      return;
    }
    case 'delete-user': {
      const person = chosen(one.pick);
      if (person) directory.deleted.add(person.id);
      for (const [groupId, members] of directory.members)
        directory.members.set(
          groupId,
          members.filter((user) => user.id !== person?.id),
        );
      return;
    }
    case 'nest': {
      const [outer, inner] = [groupAt(one.group), groupAt(one.pick)];
      if (!directory.members.has(outer) || !directory.members.has(inner)) return;
      const nested = directory.nested.get(outer) ?? [];
      directory.nested.set(
        outer,
        nested.includes(inner) ? nested.filter((id) => id !== inner) : [...nested, inner],
      );
      return;
    }
    case 'delete-group': {
      const gone = groupAt(2 + one.pick);
      directory.members.delete(gone);
      for (const [outer, nested] of directory.nested)
        directory.nested.set(
          outer,
          nested.filter((id) => id !== gone),
        );
      return;
    }
    case 'hint': {
      const person = chosen(one.pick)?.id ?? randomUUID();
      const hints = [
        { resource: `groups/${groupAt(one.group)}`, userIds: one.pick % 2 === 0 ? [person] : [] },
        { resource: `users/${one.pick % 5 === 0 ? randomUUID() : person}`, userIds: [] },
      ];
      await recordHints(database, hints.slice(one.pick % 2));
      return;
    }
    case 'run':
      await attempt();
      return;
    case 'crash': {
      // Nothing this run asks for reaches anything after its nth step, as after kill -9.
      let left = one.at;
      const cut = async <T>(work: () => Promise<T>): Promise<T> => {
        left -= 1;
        if (left < 0) throw new Error('killed');
        return work();
      };
      const gateway = Object.fromEntries(
        Object.entries(company.gateway).map(([name, method]) => [
          name,
          (...args: never[]) => cut(() => (method as (...a: never[]) => Promise<unknown>)(...args)),
        ]),
      ) as unknown as Company['gateway'];
      await run({
        gateway,
        database: {
          query: (text, values) => cut(() => database.query(text, values)),
          transaction: (work) => cut(() => database.transaction(work)),
          close: () => database.close(),
        },
      }).catch(() => undefined);
      await database.query('update leases set expires_at = clock_timestamp()');
      return;
    }
    case 'graph-down':
      directory.changesFault = 'unavailable';
      await attempt();
      directory.changesFault = undefined;
      return;
    case 'reset':
      directory.changesFault = 'reset';
      await attempt();
      directory.changesFault = undefined;
      return;
    case 'corrupt-link':
      await database.query(`update directory_state set users_link = 'garbage' where users_link is not null`);
      return;
    case 'lagging-replica':
      directory.staleMoment = lastMoment.get(company) ?? directory.moment();
      await attempt();
      directory.staleMoment = undefined;
      return;
    case 'unreadable':
      directory.unreadable.add(groupAt(one.group));
      directory.members.set(groupAt(one.group), (directory.members.get(groupAt(one.group)) ?? []).slice(1));
      await attempt();
      directory.unreadable.clear();
      return;
  }
}

/** What a lagging replica still shows: the company before the latest step. */
const lastMoment = new WeakMap<Company, ReturnType<Company['directory']['moment']>>();

test('any history of changes, notifications, failures and crashes ends with what Entra says', {
  timeout: 240_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      const company = await createCompany(litellm, await createControlDatabase(), [3, 4]);
      const { directory, database, dependencies } = company;
      const nestable = [0, 1].map(() => parseEntraGroupId(randomUUID()));
      for (const id of nestable) directory.members.set(id, [newPerson()]);
      const unlimited = {
        always_allow: 1_000,
        run: { max_count: 1_000, max_percent: 100 },
        day: { max_count: 1_000, max_percent: 100 },
      };
      Object.assign(dependencies, {
        policy: parsePolicy({
          ...JSON.parse(JSON.stringify(policyFor(company.groups))),
          guard: { per_group: unlimited, overall: unlimited },
        }),
      });
      await company.run();

      for (const one of steps) {
        const before = directory.moment();
        await play(company, [...company.groups, ...nestable], one);
        lastMoment.set(company, before);
      }
      // One clean run follows the changes; the next scheduled one looks again where a replica had lagged.
      await company.run();
      await database.query(`update directory_state set full_read_at = full_read_at - interval '5 minutes'`);
      await company.run();
      const last = await company.run();

      expect(last).toMatchObject({ status: 'succeeded', done: {} });
      expect(await findDifferences(company)).toEqual([]);
      expect(await claimHints(database)).toEqual([]);
      expect(await verifyAudit(database)).toMatchObject({ status: 'intact' });
    }),
    { numRuns: 25 },
  );
});
