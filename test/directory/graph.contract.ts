// What the directory relies on in Microsoft Graph, stated over plain HTTP: forms, paging, headers, errors. It
// runs on the simulated tenant; given a tenant of one's own and a token it runs on the real Graph as well.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

export type GraphUnderTest = {
  /** https origin without /v1.0. */
  readonly graphUrl: string;
  /** A valid token with GroupMember.Read.All and User.Read.All. */
  readonly token: string;
  /** A group with at least three users, one of them only through a nested group. */
  readonly nestedGroupId: string;
  /** A well-formed id that no group has. */
  readonly unknownGroupId: string;
  close(): Promise<void>;
};

type Body = Record<string, unknown> & { value?: Record<string, unknown>[] };
type Answer = { readonly status: number; readonly headers: Headers; readonly body: Body };

const EVENTUAL = { ConsistencyLevel: 'eventual' };
const FIELDS = 'id,displayName,mail,userPrincipalName,accountEnabled,userType';

export function describeGraph(name: string, open: () => Promise<GraphUnderTest>): void {
  describe(`Microsoft Graph: ${name}`, () => {
    let graph: GraphUnderTest;

    beforeAll(async () => {
      graph = await open();
    });
    afterAll(() => graph.close());

    async function call(path: string, init: RequestInit = {}): Promise<Answer> {
      const url = path.startsWith('/') ? `${graph.graphUrl}/v1.0${path}` : path;
      const headers = { Authorization: `Bearer ${graph.token}`, ...init.headers };
      const response = await fetch(url, { ...init, headers });
      return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
    }

    const batch = (requests: readonly unknown[]) =>
      call('/$batch', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ requests }),
      });
    const users = (query: string) =>
      `/groups/${graph.nestedGroupId}/transitiveMembers/microsoft.graph.user?${query}`;

    test('a group answers with its id and name, and only with what was selected', async () => {
      const { status, body } = await call(`/groups/${graph.nestedGroupId}?$select=id,displayName`);

      expect(status).toBe(200);
      expect(body.id).toBe(graph.nestedGroupId);
      expect(Object.keys(body).filter((key) => !key.startsWith('@'))).toEqual(['id', 'displayName']);
    });

    test('transitive members cast to users come with the selected fields and a count', async () => {
      const { status, body } = await call(users(`$count=true&$select=${FIELDS}`), { headers: EVENTUAL });

      expect(status).toBe(200);
      expect(body['@odata.count']).toBeGreaterThanOrEqual(3);
      for (const item of body.value ?? []) {
        expect(item).toMatchObject({
          id: expect.any(String),
          userPrincipalName: expect.any(String),
          accountEnabled: expect.any(Boolean),
        });
      }
    });

    test('direct members lack the people of a nested group and hold the group itself', async () => {
      const direct = await call(`/groups/${graph.nestedGroupId}/members?$select=id`);
      const transitive = await call(users('$count=true&$select=id'), { headers: EVENTUAL });

      const directUsers = (direct.body.value ?? []).filter(
        (item) => item['@odata.type'] === '#microsoft.graph.user',
      );
      expect((direct.body.value ?? []).map((item) => item['@odata.type'])).toContain(
        '#microsoft.graph.group',
      );
      expect(directUsers.length).toBeLessThan(Number(transitive.body['@odata.count']));
    });

    test('accountEnabled and userType are absent unless selected', async () => {
      const { body } = await call('/users?$top=1');

      expect(body.value?.[0]).toHaveProperty('userPrincipalName');
      expect(body.value?.[0]).not.toHaveProperty('accountEnabled');
      expect(body.value?.[0]).not.toHaveProperty('userType');
    });

    test('a cast without ConsistencyLevel or without $count is 400', async () => {
      expect((await call(users('$count=true&$select=id'))).status).toBe(400);
      expect((await call(users('$select=id'), { headers: EVENTUAL })).status).toBe(400);
    });

    test('a short page has an absolute nextLink with all options, and only the first page has the count', async () => {
      const first = await call(users('$count=true&$top=2&$select=id'), { headers: EVENTUAL });
      const nextLink = String(first.body['@odata.nextLink']);
      const second = await call(nextLink, { headers: EVENTUAL });

      expect(nextLink.startsWith(`${graph.graphUrl}/v1.0/`)).toBe(true);
      expect(first.body).toHaveProperty(['@odata.count']);
      expect(second.status).toBe(200);
      expect(second.body).not.toHaveProperty(['@odata.count']);
      expect(second.body.value?.[0]).not.toHaveProperty('displayName');
    });

    test('a nextLink without the header sent again is 400', async () => {
      const first = await call(users('$count=true&$top=2&$select=id'), { headers: EVENTUAL });

      expect((await call(String(first.body['@odata.nextLink']))).status).toBe(400);
    });

    test('all pages together hold the announced number of different users', async () => {
      const ids = new Set<unknown>();
      let announced: unknown;
      let path: string | undefined = users('$count=true&$top=2&$select=id');
      while (path !== undefined) {
        const { body }: Answer = await call(path, { headers: EVENTUAL });
        announced ??= body['@odata.count'];
        for (const item of body.value ?? []) ids.add(item.id);
        path = body['@odata.nextLink'] as string | undefined;
      }

      expect(ids.size).toBe(announced);
    });

    test('a batch answers each request with a status of its own inside a 200', async () => {
      const { status, body } = await batch([
        { id: '0', method: 'GET', url: `/groups/${graph.nestedGroupId}?$select=id` },
        { id: '1', method: 'GET', url: `/groups/${graph.unknownGroupId}?$select=id` },
        { id: '2', method: 'GET', url: users('$count=true&$select=id'), headers: EVENTUAL },
        { id: '3', method: 'GET', url: users('$count=true&$select=id') },
      ]);

      const statusById = new Map((body.responses as Body[]).map((item) => [item.id, item.status]));
      expect(status).toBe(200);
      expect(statusById).toEqual(new Map(Object.entries({ 0: 200, 1: 404, 2: 200, 3: 400 })));
    });

    test('a batch of twenty is accepted and one of twenty-one is 400', async () => {
      const requests = Array.from({ length: 21 }, (_, index) => ({
        id: String(index),
        method: 'GET',
        url: '/groups?$top=1&$select=id',
      }));

      expect((await batch(requests.slice(0, 20))).status).toBe(200);
      expect((await batch(requests)).status).toBe(400);
    });

    test('an unknown group is 404 with the code Request_ResourceNotFound', async () => {
      const { status, body } = await call(`/groups/${graph.unknownGroupId}`);

      expect(status).toBe(404);
      expect(body).toMatchObject({ error: { code: 'Request_ResourceNotFound' } });
    });

    test('checkMemberGroups counts nesting, and knows neither unknown people nor more than twenty groups', async () => {
      const { body } = await call(users('$count=true&$select=id'), { headers: EVENTUAL });
      const direct = await call(`/groups/${graph.nestedGroupId}/members?$select=id`);
      const directIds = (direct.body.value ?? []).map((member) => member.id);
      const nested = (body.value ?? []).find((member) => !directIds.includes(member.id));
      const ask = (userId: unknown, groupIds: readonly string[]) =>
        call(`/users/${userId}/checkMemberGroups`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ groupIds }),
        });

      expect(await ask(nested?.id, [graph.nestedGroupId])).toMatchObject({
        status: 200,
        body: { value: [graph.nestedGroupId] },
      });
      expect((await ask(graph.unknownGroupId, [graph.nestedGroupId])).status).toBe(404);
      expect((await ask(nested?.id, Array(21).fill(graph.nestedGroupId))).status).toBe(400);
    });

    test.each([
      ['groups', 'id,members'],
      ['users', FIELDS],
    ])(
      'a delta of %s from the latest token is empty and leads on; a damaged link is refused',
      async (collection, select) => {
        const latest = await call(`/${collection}/delta?$select=${select}&$deltatoken=latest`);
        const link = String(latest.body['@odata.deltaLink']);
        const next = await call(link);
        const damaged = await call(link.replace(/(deltatoken=).{12}/, '$1AAAAAAAAAAAA'));

        expect(latest).toMatchObject({ status: 200, body: { value: [] } });
        expect(next.status).toBe(200);
        expect(next.body['@odata.deltaLink'] ?? next.body['@odata.nextLink']).toContain('/delta?');
        expect(damaged.status).toBeGreaterThanOrEqual(400);
        expect(damaged.status).toBeLessThan(500);
      },
    );

    test('the list of subscriptions is a list, and an address that cannot answer is no subscription', async () => {
      const list = await call('/subscriptions');
      const refused = await call('/subscriptions', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({
          changeType: 'updated,deleted',
          resource: 'users',
          notificationUrl: 'https://localhost:9/nobody',
          expirationDateTime: new Date(Date.now() + 60 * 60 * 1000).toISOString(),
        }),
      });

      expect(list).toMatchObject({ status: 200, body: { value: expect.any(Array) } });
      expect(refused.status).toBe(400);
    });

    test('a missing or wrong token is 401 with InvalidAuthenticationToken', async () => {
      const wrong = await call('/groups', { headers: { Authorization: 'Bearer wrong' } });
      const missing = await fetch(`${graph.graphUrl}/v1.0/groups`);

      expect(wrong).toMatchObject({ status: 401, body: { error: { code: 'InvalidAuthenticationToken' } } });
      expect(missing.status).toBe(401);
    });

    test('every error names its request, in the header and in the body', async () => {
      const { headers, body } = await call(`/groups/${graph.unknownGroupId}`);

      const requestId = headers.get('request-id');
      expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
      expect(body).toMatchObject({ error: { innerError: { 'request-id': requestId } } });
    });
  });
}
