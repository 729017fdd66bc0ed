// Who is in a group of the simulated tenant, asked from both sides, alone and inside a batch.

import { describe, expect, test } from 'vitest';
import { createFaults } from './faults.ts';
import { answerBatch } from './graph-batch.ts';
import {
  ANN,
  BEN,
  type Body,
  bodyOf,
  type Company,
  codeOf,
  createCompany,
  DEVOPS,
  ENGINEERING,
  PLATFORM,
} from './graph-delta-fixture.ts';
import { createRequests } from './requests.ts';
import { seedGroupId, seedUserId } from './seed.ts';

describe('checkMemberGroups', () => {
  const ask = (company: Company, userId: string, content: unknown) =>
    company.ask(`/users/${userId}/checkMemberGroups`, { content });

  test('gives those of the groups that hold the person, nested ones included', () => {
    const groupIds = [DEVOPS, ENGINEERING.toUpperCase(), PLATFORM, seedGroupId(9_999)];

    expect(bodyOf(ask(createCompany(), seedUserId(4), { groupIds })).value).toEqual([ENGINEERING, PLATFORM]);
  });

  test('takes one to twenty ids, and one malformed id fails all', () => {
    const company = createCompany();
    const many = (count: number) => Array.from({ length: count }, (_, index) => seedGroupId(index + 1));

    expect(ask(company, ANN, { groupIds: many(20) }).status).toBe(200);
    for (const content of [{ groupIds: many(21) }, { groupIds: [] }, { groupIds: [DEVOPS, 'x'] }, {}, 'x']) {
      expect(codeOf(ask(company, ANN, content))).toEqual([400, 'Request_BadRequest']);
    }
  });

  test('knows neither strangers nor deleted people, and restored ones again', () => {
    const company = createCompany();
    company.tenant.deleteUser(ANN);

    for (const id of [ANN, seedUserId(9_999)]) {
      expect(codeOf(ask(company, id, { groupIds: [ENGINEERING] }))).toEqual([
        404,
        'Request_ResourceNotFound',
      ]);
    }
    company.tenant.restoreUser(ANN);
    expect(bodyOf(ask(company, ANN, { groupIds: [ENGINEERING] })).value).toEqual([ENGINEERING]);
  });

  test('needs the permissions for people and for groups', () => {
    for (const permission of ['User.Read.All', 'GroupMember.Read.All'] as const) {
      const company = createCompany();
      company.permissions.delete(permission);

      expect(ask(company, ANN, { groupIds: [ENGINEERING] }).status).toBe(403);
    }
  });

  test('is answered in a batch beside the account, if the item names its content type', () => {
    const { world } = createCompany();
    const question = {
      method: 'POST',
      url: `/users/${ANN}/checkMemberGroups`,
      body: { groupIds: [ENGINEERING, DEVOPS] },
    };
    const requests = [
      { id: '0', ...question, headers: { 'Content-Type': 'application/json' } },
      { id: '1', method: 'GET', url: `/users/${ANN}?$select=id,accountEnabled` },
      { id: '2', ...question },
      { id: '3', method: 'GET', url: `/users/${seedUserId(9_999)}?$select=id` },
    ];

    const { reply } = answerBatch(world, { requests }, createFaults(), createRequests());

    expect(reply.body).toMatchObject({
      responses: [
        { id: '0', status: 200, body: { value: [ENGINEERING] } },
        { id: '1', status: 200, body: { id: ANN, accountEnabled: true } },
        { id: '2', status: 400 },
        { id: '3', status: 404 },
      ],
    });
  });

  test('faults on members strike a list inside a batch too', () => {
    const { tenant, world } = createCompany();
    tenant.addMember(PLATFORM, ANN);
    const faults = createFaults();
    faults.add({ fault: { kind: 'stale-members', changeCount: 1 }, match: { groupId: PLATFORM } });
    const requests = [PLATFORM, ENGINEERING].map((id) => ({
      id,
      method: 'GET',
      url: `/groups/${id}/members?$select=id`,
    }));

    const { body } = answerBatch(world, { requests }, faults, createRequests()).reply;

    const [stale, fresh] = (body as { responses: { body: Body }[] }).responses;
    expect(stale?.body.value.map(({ id }) => id)).not.toContain(ANN);
    expect(fresh?.body.value.map(({ id }) => id)).toContain(ANN);
  });
});

test('lists direct members as they were so many changes of that group ago', () => {
  const { tenant, ask } = createCompany();
  const list = (groupId: string, changeCount?: number) => {
    const faults = changeCount === undefined ? [] : [{ kind: 'stale-members' as const, changeCount }];
    return bodyOf(ask(`/groups/${groupId}/members?$select=id`, { faults })).value.map(({ id }) => id);
  };
  const before = [...list(DEVOPS)];
  const [leaver = ''] = before;
  tenant.removeMember(DEVOPS, leaver);
  tenant.addMember(DEVOPS, ANN);
  tenant.addMember(PLATFORM, ANN);
  tenant.disableUser(BEN);

  expect(list(DEVOPS)).not.toContain(leaver);
  expect(list(DEVOPS, 1)).toEqual(before.slice(1));
  expect(list(DEVOPS, 2)).toEqual(before);
  expect(list(DEVOPS, 99)).toEqual(before);
  expect(list(ENGINEERING, 9)).toEqual(list(ENGINEERING));
});
