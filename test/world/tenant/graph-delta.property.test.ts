// The deltas of the simulated tenant hold together: whoever applies each page in turn knows in the end what the tenant
// knows, whatever changed between two pages and whatever struck them.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Fault } from './faults.ts';
import {
  ANN,
  BEN,
  bodyOf,
  CEM,
  type Company,
  createCompany,
  GROUPS,
  membersOf,
  USERS,
} from './graph-delta-fixture.ts';
import { seedGroupId } from './seed.ts';

const TEAM = seedGroupId(50);
const OUTER = seedGroupId(51);
const person = fc.constantFrom(ANN, BEN, CEM);
const pair = fc.constantFrom<[string, string][]>([TEAM, ANN], [TEAM, BEN], [OUTER, BEN], [OUTER, TEAM]);
const step = fc.oneof(
  fc.record({ kind: fc.constantFrom('addMember' as const, 'removeMember' as const), pair }),
  fc.record({
    kind: fc.constantFrom('disableUser' as const, 'enableUser' as const, 'deleteUser' as const),
    person,
  }),
  fc.record({ kind: fc.constant('restoreUser' as const), person }),
  fc.record({ kind: fc.constantFrom('deleteGroup' as const, 'restoreGroup' as const) }),
  fc.record({
    kind: fc.constant('readPage' as const),
    fault: fc.constantFrom<Fault[]>(
      { kind: 'delta-empty-page' },
      { kind: 'delta-replay' },
      { kind: 'delta-lag', changeCount: 2 },
      { kind: 'stale-members', changeCount: 1 },
    ),
  }),
);

test('whoever applies every page in turn ends with the tenant, whatever changes and strikes in between', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const company = createCompany(2);
      company.tenant.createGroup({ id: TEAM, displayName: 'Team', isUnified: true });
      company.tenant.createGroup({ id: OUTER, displayName: 'Outer' });
      const mirrors = [createMirror(company, GROUPS), createMirror(company, USERS)];

      for (const one of steps) {
        if (one.kind === 'readPage') for (const mirror of mirrors) mirror.readPage(one.fault);
        // What cannot be done, such as restoring what is there, is refused.
        else attempt(() => play(company.tenant, one));
      }
      const [groups, users] = mirrors.map((mirror) => mirror.readAll());

      expect(groups).toEqual(
        new Map(company.tenant.listGroups().map(({ id, memberIds }) => [id, new Set(memberIds)])),
      );
      expect(new Set(users?.keys())).toEqual(new Set(company.tenant.listUsers().map(({ id }) => id)));
    }),
  );
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function play(tenant: Company['tenant'], one: Exclude<Step, { kind: 'readPage' }>): void {
  if ('pair' in one) tenant[one.kind](...one.pair);
  else if ('person' in one) tenant[one.kind](one.person);
  else tenant[one.kind](TEAM);
}

function attempt(work: () => void): void {
  try {
    work();
  } catch {
    return;
  }
}

/** Who is in what, known from the pages alone. */
function createMirror({ ask }: Company, start: string) {
  const known = new Map<string, Set<string>>();
  let at = start;

  function readPage(...faults: Fault[]): boolean {
    const body = bodyOf(ask(at, { faults }));
    for (const item of body.value) {
      if ('@removed' in item) {
        known.delete(item.id);
        continue;
      }
      const members = known.get(item.id) ?? new Set();
      known.set(item.id, members);
      for (const member of membersOf([item])) {
        if ('@removed' in member) members.delete(member.id);
        else members.add(member.id);
      }
    }
    at = String(body['@odata.nextLink'] ?? body['@odata.deltaLink']);
    return '@odata.deltaLink' in body;
  }

  return {
    readPage,
    readAll(): ReadonlyMap<string, ReadonlySet<string>> {
      // The round that is under way may have begun before the newest changes.
      while (!readPage());
      while (!readPage());
      return known;
    },
  };
}
