// What goes wrong with deltas of the simulated tenant when a test asks for it, one request at a time.

import { expect, test } from 'vitest';
import {
  ANN,
  BEN,
  codeOf,
  createCompany,
  DEVOPS,
  GROUPS,
  LATEST,
  membersOf,
  removed,
  USERS,
  user,
} from './graph-delta-fixture.ts';

test('a fault puts an empty page before the others', () => {
  const { tenant, follow } = createCompany();
  const { link } = follow(GROUPS + LATEST);
  tenant.addMember(DEVOPS, ANN);

  const { pages } = follow(link, { kind: 'delta-empty-page' });

  expect(pages.map((page) => page.length)).toEqual([0, 1]);
  expect(follow(link).pages).toHaveLength(1);
});

test('a fault brings the round before again, as it was, and the new changes after it', () => {
  const { tenant, follow } = createCompany();
  const { link } = follow(GROUPS + LATEST);
  tenant.addMember(DEVOPS, ANN);
  const second = follow(link);
  tenant.removeMember(DEVOPS, ANN);

  const third = follow(second.link, { kind: 'delta-replay' });

  expect(third.items.map((item) => item['members@delta'])).toEqual([[user(ANN)], [removed(ANN)]]);
  expect(follow(third.link).items).toEqual([]);
});

test('a fault brings a round again though a quiet one came between', () => {
  const { tenant, follow } = createCompany();
  const { link } = follow(GROUPS + LATEST);
  tenant.addMember(DEVOPS, ANN);
  const quiet = follow(follow(link).link);

  expect(quiet.items).toEqual([]);
  expect(follow(quiet.link, { kind: 'delta-replay' }).items).toHaveLength(1);
});

test('a fault brings everything again after a first round', () => {
  const { tenant, follow } = createCompany();
  const first = follow(USERS);
  tenant.disableUser(ANN);

  const { items } = follow(first.link, { kind: 'delta-replay' });

  expect(items).toEqual([...first.items, tenant.findUser(ANN)]);
});

test('a fault hides the newest changes, which the next round reports', () => {
  const { tenant, follow } = createCompany();
  const { link } = follow(GROUPS + LATEST);
  tenant.addMember(DEVOPS, ANN);
  tenant.addMember(DEVOPS, BEN);
  tenant.removeMember(DEVOPS, ANN);

  const early = follow(link, { kind: 'delta-lag', changeCount: 2 });
  const nothing = follow(link, { kind: 'delta-lag', changeCount: 99 });

  expect(membersOf(early.items)).toEqual([user(ANN)]);
  expect(membersOf(follow(early.link).items)).toEqual([user(BEN), removed(ANN)]);
  expect(nothing.items).toEqual([]);
  expect(membersOf(follow(nothing.link).items)).toEqual([removed(ANN), user(BEN)]);
});

test('a fault never leads back behind what was reported', () => {
  const { tenant, follow } = createCompany();
  const start = follow(GROUPS + LATEST);
  tenant.addMember(DEVOPS, ANN);
  const { link } = follow(start.link);

  const late = follow(link, { kind: 'delta-lag', changeCount: 1 });

  expect([late.items, follow(late.link).items]).toEqual([[], []]);
});

test('a fault shows nothing of the hidden changes, not even on people that are reported', () => {
  const { tenant, follow } = createCompany();
  const { link } = follow(`/users/delta?$select=displayName,accountEnabled${LATEST}`);
  tenant.rename(ANN, { displayName: 'Ann Renamed' });
  tenant.disableUser(ANN);

  const { items } = follow(link, { kind: 'delta-lag', changeCount: 1 });

  expect(items).toEqual([{ id: ANN, displayName: 'Ann Renamed', accountEnabled: true }]);
});

test('a fault answers 410 with an address that starts anew', () => {
  const { ask, follow } = createCompany();
  const { link } = follow(GROUPS + LATEST);

  const gone = ask(link, { faults: [{ kind: 'delta-gone' }] });

  expect(codeOf(gone)).toEqual([410, 'resyncRequired']);
  expect(follow(String(gone.headers.Location)).items).toEqual(follow(GROUPS).items);
});

test('a fault lets a token expire early', () => {
  const { ask, follow } = createCompany();
  const { link } = follow(GROUPS + LATEST);

  expect(codeOf(ask(link, { faults: [{ kind: 'delta-token-expired' }] }))).toEqual([
    400,
    'syncStateNotFound',
  ]);
});
