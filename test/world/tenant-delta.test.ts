// The simulated tenant's deltas against the vendor's pages: forms, paging, tokens and permissions, and read by the
// product over the wire. Faults and membership questions have tests of their own beside their code.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseEntraGroupId, parseEntraUserId } from '../../lib/ids.ts';
import { directoryFor, fetchToken, startTrustedTenant } from '../directory/tenant-fixture.ts';
import type { Fault } from './tenant/faults.ts';
import {
  ADMINS,
  ANN,
  BEN,
  bodyOf,
  CEM,
  codeOf,
  createCompany,
  DAY_MS,
  DEVOPS,
  ENGINEERING,
  EVERYONE,
  GROUPS,
  LATEST,
  membersByGroup,
  PLATFORM,
  removed,
  USERS,
  user,
} from './tenant/graph-delta-fixture.ts';
import { seedGroupId, seedUserId } from './tenant/seed.ts';
import type { RunningTenant } from './tenant/tenant.ts';

describe('a round', () => {
  test('that starts now is empty, and what happens afterwards is in the next', () => {
    const { tenant, follow } = createCompany();
    const start = follow(GROUPS + LATEST);

    tenant.addMember(DEVOPS, ANN);
    const next = follow(start.link);

    expect(start.items).toEqual([]);
    expect(next.items).toEqual([{ id: DEVOPS, displayName: 'AI DevOps', 'members@delta': [user(ANN)] }]);
    expect(follow(next.link).items).toEqual([]);
  });

  test('without a token reports everything, over pages, nested groups as groups', () => {
    const { tenant, follow } = createCompany(4);

    const groups = follow(GROUPS);
    const users = follow(USERS);

    expect(Math.max(...users.pages.map((page) => page.length))).toBe(4);
    expect(users.items).toEqual(tenant.listUsers());
    expect([...membersByGroup(groups.items)].map(([id, members]) => ({ id, members }))).toEqual(
      tenant.listGroups().map(({ id, memberIds }) => ({ id, members: memberIds })),
    );
    expect(groups.items.flatMap((item) => item['members@delta'])).toContainEqual({
      '@odata.type': '#microsoft.graph.group',
      id: PLATFORM,
    });
  });

  test('tells of a member what became of it in the end', () => {
    const { tenant, follow } = createCompany();
    const { link } = follow(GROUPS + LATEST);

    tenant.addMember(DEVOPS, ANN);
    tenant.removeMember(DEVOPS, ANN);
    tenant.removeMember(ENGINEERING, BEN);
    tenant.addMember(ENGINEERING, BEN);

    expect(follow(link).items.map((item) => [item.id, item['members@delta']])).toEqual([
      [DEVOPS, [removed(ANN)]],
      [ENGINEERING, [user(BEN)]],
    ]);
  });

  test('reports a change in a nested group for that group alone', () => {
    const { tenant, follow } = createCompany();
    const { link } = follow(GROUPS + LATEST);

    tenant.removeMember(PLATFORM, seedUserId(4));

    expect(follow(link).items.map(({ id }) => id)).toEqual([PLATFORM]);
  });

  test('reports only changes of what was selected, and only selected properties', () => {
    const { tenant, follow } = createCompany();
    const names = follow(`/users/delta?$select=displayName${LATEST}`);
    const accounts = follow(`/users/delta?$select=id,accountEnabled${LATEST}`);
    const members = follow(`/groups/delta?$select=id,members${LATEST}`);
    const titles = follow(`/groups/delta?$select=displayName${LATEST}`);

    tenant.rename(ANN, { displayName: 'Ann Renamed' });
    tenant.disableUser(BEN);
    tenant.rename(ENGINEERING, { displayName: 'Renamed' });
    tenant.addMember(DEVOPS, ANN);

    expect(follow(names.link).items).toEqual([{ id: ANN, displayName: 'Ann Renamed' }]);
    expect(follow(accounts.link).items).toEqual([{ id: BEN, accountEnabled: false }]);
    expect(follow(members.link).items).toEqual([{ id: DEVOPS, 'members@delta': [user(ANN)] }]);
    expect(follow(titles.link).items).toEqual([{ id: ENGINEERING, displayName: 'Renamed' }]);
  });

  test('has no members@delta for a group without members', () => {
    const { tenant, follow } = createCompany();
    const { link } = follow(GROUPS + LATEST);

    tenant.createGroup({ id: seedGroupId(50), displayName: 'Empty' });

    expect(follow(link).items).toEqual([{ id: seedGroupId(50), displayName: 'Empty' }]);
  });

  test('calls deleted people and Microsoft 365 groups changed, and deleted security groups deleted', () => {
    const { tenant, follow } = createCompany();
    tenant.createGroup({ id: seedGroupId(50), displayName: 'Unified', isUnified: true });
    const [groups, users] = [follow(GROUPS + LATEST), follow(USERS + LATEST)];

    tenant.deleteUser(ANN);
    tenant.deleteGroup(seedGroupId(50));
    tenant.deleteGroup(DEVOPS);

    expect(follow(users.link).items).toEqual([{ id: ANN, '@removed': { reason: 'changed' } }]);
    expect(follow(groups.link).items).toEqual(
      expect.arrayContaining([
        { id: seedGroupId(50), '@removed': { reason: 'changed' } },
        { id: DEVOPS, '@removed': { reason: 'deleted' } },
        expect.objectContaining({ id: ENGINEERING, 'members@delta': [removed(ANN)] }),
      ]),
    );
  });

  test('reports restored people and groups whole, whatever was selected, with their memberships', () => {
    const { tenant, follow } = createCompany();
    const unified = seedGroupId(50);
    tenant.createGroup({ id: unified, displayName: 'Unified', isUnified: true });
    tenant.addMember(unified, BEN);
    tenant.deleteUser(ANN);
    tenant.deleteGroup(unified);
    const [groups, users] = [follow(GROUPS + LATEST), follow(USERS + LATEST)];

    tenant.restoreUser(ANN);
    tenant.restoreGroup(unified);

    expect(follow(users.link).items).toEqual([tenant.findUser(ANN)]);
    const members = membersByGroup(follow(groups.link).items);
    expect(members.get(unified)).toEqual([BEN]);
    expect([...members.keys()].sort()).toEqual([ENGINEERING, ADMINS, EVERYONE, unified].sort());
  });

  test('tells which members a group lost while it was deleted', () => {
    const { tenant, follow } = createCompany();
    const unified = seedGroupId(50);
    tenant.createGroup({ id: unified, displayName: 'Unified', isUnified: true });
    for (const id of [ANN, BEN]) tenant.addMember(unified, id);
    const { link } = follow(GROUPS + LATEST);

    tenant.deleteGroup(unified);
    tenant.deleteUser(ANN);
    tenant.restoreGroup(unified);

    const item = follow(link).items.find(({ id }) => id === unified);
    expect(item?.['members@delta']).toEqual([removed(ANN), user(BEN)]);
  });

  test('repeats a big group over pages, each member once', () => {
    const { tenant, follow } = createCompany(10);
    const { link } = follow(GROUPS + LATEST);
    const people = Array.from({ length: 25 }, (_, index) => seedUserId(100 + index));
    for (const id of people) {
      tenant.createUser({ id, displayName: id, userPrincipalName: id });
      tenant.addMember(DEVOPS, id);
    }

    const { pages } = follow(link);

    expect(pages.map((page) => page.map(({ id }) => id))).toEqual([[DEVOPS], [DEVOPS], [DEVOPS]]);
    expect(membersByGroup(pages.flat()).get(DEVOPS)).toEqual(people);
  });

  test('keeps its pages together though the tenant changes between them, and the rest comes next', () => {
    const { tenant, ask, follow } = createCompany(2);
    const { link } = follow(GROUPS + LATEST);
    for (const id of [ANN, BEN, CEM]) tenant.addMember(DEVOPS, id);
    tenant.addMember(PLATFORM, ANN);
    const first = bodyOf(ask(link));

    tenant.deleteGroup(DEVOPS);
    tenant.removeMember(PLATFORM, ANN);
    const rest = follow(String(first['@odata.nextLink']));

    expect(membersByGroup([...first.value, ...rest.items])).toEqual(
      new Map([
        [DEVOPS, [ANN, BEN, CEM]],
        [PLATFORM, [ANN]],
      ]),
    );
    expect(follow(rest.link).items).toEqual([
      { id: DEVOPS, '@removed': { reason: 'deleted' } },
      { id: PLATFORM, displayName: 'AI Engineering Platform', 'members@delta': [removed(ANN)] },
    ]);
  });
});

describe('a link', () => {
  test('is good for seven days and then answers syncStateNotFound', () => {
    const { follow, ask, advance } = createCompany();
    const { link } = follow(USERS + LATEST);

    advance(7 * DAY_MS);
    const { link: renewed } = follow(link);
    advance(1);

    expect(codeOf(ask(link))).toEqual([400, 'syncStateNotFound']);
    expect(follow(renewed).items).toEqual([]);
  });

  test('that was changed in any way, or is used for something else, answers syncStateNotFound', () => {
    const { tenant, ask, follow } = createCompany(2);
    const { link } = follow(GROUPS + LATEST);
    const [address = '', token = ''] = link.split('$deltatoken=');
    for (const id of [ANN, BEN, CEM]) tenant.addMember(DEVOPS, id);
    const nextLink = String(bodyOf(ask(link))['@odata.nextLink']);

    const damaged = Array.from(token, (_, at) => `${token.slice(0, at)}~${token.slice(at + 1)}`);
    const others = [
      ...damaged.map((text) => `${address}$deltatoken=${text}`),
      `${link}.more`,
      link.slice(0, -1),
      link.replace('/groups/', '/users/'),
      link.replace('$deltatoken', '$skiptoken'),
      nextLink.replace('$skiptoken', '$deltatoken'),
    ];

    expect(token.length).toBeGreaterThan(0);
    for (const other of others) expect(codeOf(ask(other))).toEqual([400, 'syncStateNotFound']);
  });
});

test.each(['$top=5', '$expand=members', '$orderby=displayName'])('a delta with %s is 400', (option) => {
  const { ask } = createCompany();

  expect(codeOf(ask(`${GROUPS}&${option}`))).toEqual([400, 'Request_UnsupportedQuery']);
});

test('a delta that selects what does not exist is 400, and what is not simulated is 501', () => {
  const { ask } = createCompany();

  expect(ask('/users/delta?$select=id,members').status).toBe(400);
  expect(ask('/groups/delta?$select=userType').status).toBe(400);
  expect(ask(`${GROUPS}&$filter=id eq '${DEVOPS}'`).status).toBe(501);
});

test('each delta needs the permission of its own collection, under its long name too', () => {
  const { permissions, ask } = createCompany();
  const long = (path: string) => path.replace('delta', 'microsoft.graph.delta');
  const statuses = () => [GROUPS, long(GROUPS), USERS, long(USERS)].map((path) => ask(path).status);

  permissions.delete('GroupMember.Read.All');
  expect(statuses()).toEqual([403, 403, 200, 200]);
  permissions.add('GroupMember.Read.All').delete('User.Read.All');
  expect(statuses()).toEqual([200, 200, 403, 403]);
});

describe('over the wire', () => {
  const signal = new AbortController().signal;
  let tenant: RunningTenant;
  beforeAll(async () => {
    tenant = await startTrustedTenant();
  });
  afterAll(() => tenant.close());
  beforeEach(() => tenant.faults.clear());

  test('a fault of the control panel strikes a delta, with its headers', async () => {
    const headers = { Authorization: `Bearer ${await fetchToken(tenant)}` };
    const url = `${tenant.graphUrl}/v1.0${GROUPS}${LATEST}`;
    tenant.faults.add({ fault: { kind: 'delta-gone' }, match: { path: '/groups/delta' }, times: 1 });

    const gone = await fetch(url, { headers });
    const after = await fetch(url, { headers });

    expect([gone.status, after.status]).toEqual([410, 200]);
    expect((await fetch(String(gone.headers.get('location')), { headers })).status).toBe(200);
  });

  test('the product’s own reader misses nothing of a restless tenant, whatever strikes its rounds', async () => {
    const directory = directoryFor(tenant);
    const taken = await directory.takeLinks(signal);
    if (taken.status !== 'complete') throw new Error(`No links were taken: ${taken.reason}`);
    const state = tenant.tenant;
    const [joiner, leaver, deleted] = [ANN, seedUserId(9), seedUserId(10)];

    state.addMember(DEVOPS, joiner);
    const lag: Fault = { kind: 'delta-lag', changeCount: 1 };
    tenant.faults.add({ fault: lag, match: { path: '/groups/delta' }, times: 1 });
    const early = await directory.readChanges(taken.value, signal);
    if (early.status !== 'complete') throw new Error(`The early round is ${early.status}.`);
    state.removeMember(DEVOPS, leaver);
    state.deleteUser(deleted);
    tenant.faults.add({ fault: { kind: 'delta-empty-page' }, match: { path: 'deltatoken' } });
    tenant.faults.add({ fault: { kind: 'delta-replay' }, match: { path: 'deltatoken' } });
    const late = await directory.readChanges(early.links, signal);

    expect(early.groups.size).toBe(0);
    expect(late).toMatchObject({
      status: 'complete',
      users: new Map([[parseEntraUserId(deleted), 'gone']]),
    });
    const evidence = late.status === 'complete' ? late.groups.get(parseEntraGroupId(DEVOPS)) : undefined;
    expect(evidence?.added).toEqual([joiner]);
    expect([...(evidence?.removed ?? [])].sort()).toEqual([leaver, deleted]);
  });

  test('the product’s own reader asks for a full read when the state is gone or expired', async () => {
    const directory = directoryFor(tenant);
    const taken = await directory.takeLinks(signal);
    if (taken.status !== 'complete') throw new Error(`No links were taken: ${taken.reason}`);

    for (const kind of ['delta-gone', 'delta-token-expired'] as const) {
      tenant.faults.add({ fault: { kind }, match: { path: '/users/delta' }, times: 1 });
      expect(await directory.readChanges(taken.value, signal)).toEqual({ status: 'reset' });
    }
    expect(await directory.readChanges(taken.value, signal)).toMatchObject({ status: 'complete' });
  });
});
