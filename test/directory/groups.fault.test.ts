// Whole groups through @azure/identity and the Graph client over TLS, with each thing that can go wrong.

import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTokenSource } from '../../lib/directory/token.ts';
import { parseEntraGroupId, parseEntraUserId } from '../../lib/ids.ts';
import { Secret } from '../../lib/secret.ts';
import type { Fault, FaultRule } from '../world/tenant/faults.ts';
import { COMPANY_GROUP_IDS, seedGroupId, seedUserId } from '../world/tenant/seed.ts';
import type { RunningTenant } from '../world/tenant/tenant.ts';
import {
  APPLICATION,
  type ClientOverrides,
  clientFor,
  directoryFor,
  startTrustedTenant,
} from './tenant-fixture.ts';

const NESTED = parseEntraGroupId(COMPANY_GROUP_IDS.engineering);
const PLATFORM = parseEntraGroupId(COMPANY_GROUP_IDS.platform);
const PRODUCT = parseEntraGroupId(COMPANY_GROUP_IDS.product);
const UNKNOWN = parseEntraGroupId(seedGroupId(9_999));
const MEMBERS = '/members';
const NEXT_PAGE = 'skiptoken';
/** Of NESTED, on three pages of four. */
const WHOLE = '9 people, 1 groups';

let tenant: RunningTenant;

beforeAll(async () => {
  tenant = await startTrustedTenant();
});
afterAll(() => tenant.close());
beforeEach(() => {
  tenant.faults.clear();
  tenant.requests.clear();
  tenant.permissions.add('GroupMember.Read.All').add('User.Read.All');
});

async function read(groupId = NESTED, overrides: ClientOverrides = {}) {
  const reads = await directoryFor(tenant, overrides).readGroups([groupId], new AbortController().signal);
  const result = reads.get(groupId);
  if (result === undefined) throw new Error('The group asked for is not in the map.');
  if (result.status === 'incomplete') return result.reason;
  return `${result.value.users.length} people, ${result.value.nestedGroupIds.length} groups`;
}

const spoil = (fault: Fault, match: FaultRule['match'] = {}, limits: Pick<FaultRule, 'nth' | 'times'> = {}) =>
  tenant.faults.add({ fault, match, ...limits });

test('a group is read with its direct members, and the reads follow the order of their groups', async () => {
  const reads = await directoryFor(tenant).readGroups(
    [NESTED, UNKNOWN, PRODUCT],
    new AbortController().signal,
  );

  expect([...reads.keys()]).toEqual([NESTED, UNKNOWN, PRODUCT]);
  expect(reads.get(NESTED)).toMatchObject({
    status: 'complete',
    value: { id: NESTED, nestedGroupIds: [COMPANY_GROUP_IDS.platform] },
  });
  expect(reads.get(UNKNOWN)).toMatchObject({ status: 'incomplete', reason: 'not-found' });
  expect(await read(NESTED)).toBe(WHOLE);
});

test('a disabled account and a guest are read as such', async () => {
  const person = seedUserId(4);
  tenant.tenant.disableUser(person);

  const reads = await directoryFor(tenant).readGroups([PLATFORM], new AbortController().signal);

  tenant.tenant.enableUser(person);
  const group = reads.get(PLATFORM);
  const users = group?.status === 'complete' ? group.value.users : [];
  expect(users.find((user) => user.id === person)?.accountEnabled).toBe(false);
  expect(users.find((user) => user.id === seedUserId(25))?.kind).toBe('guest');
});

test('people are read one by one, each as they are, with twenty in a call', async () => {
  const disabled = parseEntraUserId(seedUserId(1));
  const unknown = parseEntraUserId(seedUserId(9_999));
  tenant.tenant.disableUser(disabled);
  const everybody = Array.from({ length: 21 }, (_, index) => parseEntraUserId(seedUserId(index + 1)));

  const reads = await directoryFor(tenant).readUsers([...everybody, unknown], new AbortController().signal);

  tenant.tenant.enableUser(disabled);
  expect([...reads.values()].filter((read) => read.status === 'complete')).toHaveLength(21);
  expect(reads.get(disabled)).toMatchObject({ value: { id: disabled, accountEnabled: false } });
  expect(reads.get(unknown)).toMatchObject({ status: 'incomplete', reason: 'not-found' });
  expect(tenant.requests.count().graphCalls).toBe(2);
});

test('twenty groups of one page each cost one call of Graph, twenty-one cost two', async () => {
  const many = Array.from({ length: 21 }, (_, index) => parseEntraGroupId(seedGroupId(1_000 + index)));
  for (const id of many) tenant.tenant.createGroup({ id, displayName: 'Empty' });
  const countCalls = async (groupCount: number) => {
    tenant.requests.clear();
    await directoryFor(tenant).readGroups(many.slice(0, groupCount), new AbortController().signal);
    return tenant.requests.count().graphCalls;
  };

  expect(await countCalls(20)).toBe(1);
  expect(await countCalls(21)).toBe(2);
});

test('a token is asked for once by all runs that share its source', async () => {
  const tokens = createTokenSource({
    tenantId: APPLICATION.tenantId,
    clientId: APPLICATION.clientId,
    clientSecret: new Secret(APPLICATION.clientSecret),
    authorityHost: tenant.baseUrl,
    graphBaseUrl: tenant.graphUrl,
  });

  await Promise.all([read(NESTED, { tokens }), read(PRODUCT, { tokens })]);
  await read(NESTED, { tokens });

  expect(tenant.requests.count().tokenCalls).toBe(1);
});

const passing: readonly [string, Fault, FaultRule['match']][] = [
  ['the token endpoint answers 503', { kind: 'status', status: 503 }, { path: '/token' }],
  ['the token endpoint breaks off', { kind: 'reset' }, { path: '/token' }],
  ['the batch answers 429', { kind: 'status', status: 429, retryAfterSeconds: 1 }, { path: 'batch' }],
  ['the batch answers 503', { kind: 'status', status: 503 }, { path: 'batch' }],
  ['the batch breaks off', { kind: 'reset' }, { path: 'batch' }],
  [
    'an item of the batch is throttled',
    { kind: 'batch-item-status', status: 429, retryAfterSeconds: 1 },
    { path: MEMBERS },
  ],
  ['a next page answers 503', { kind: 'status', status: 503 }, { path: NEXT_PAGE }],
  ['a next page breaks off', { kind: 'reset' }, { path: NEXT_PAGE }],
  ['the members of a page come twice', { kind: 'duplicate-members' }, { path: MEMBERS }],
  ['the items of the batch come in another order', { kind: 'reversed-batch' }, { path: 'batch' }],
  ['an answer is slow', { kind: 'slow', delayMs: 50 }, { path: 'batch' }],
];

test.each(passing)('when once %s, the group is read in full all the same', async (_, fault, match) => {
  spoil(fault, match, { times: 1 });

  expect(await read()).toBe(WHOLE);
});

const lasting: readonly [string, Fault, FaultRule['match'], string][] = [
  ['the token endpoint answers 503', { kind: 'status', status: 503 }, { path: '/token' }, 'unavailable'],
  ['the token endpoint throttles', { kind: 'status', status: 429 }, { path: '/token' }, 'throttled'],
  ['the token endpoint is silent', { kind: 'slow', delayMs: 5_000 }, { path: '/token' }, 'deadline'],
  [
    'a long Retry-After comes',
    { kind: 'status', status: 429, retryAfterSeconds: 90 },
    { path: 'batch' },
    'throttled',
  ],
  [
    'an item is throttled for long',
    { kind: 'batch-item-status', status: 429, retryAfterSeconds: 90 },
    { path: MEMBERS },
    'throttled',
  ],
  ['the batch answers 503', { kind: 'status', status: 503 }, { path: 'batch' }, 'unavailable'],
  ['an item of the batch answers 503', { kind: 'status', status: 503 }, { path: MEMBERS }, 'unavailable'],
  ['a next page breaks off', { kind: 'reset' }, { path: NEXT_PAGE }, 'unavailable'],
  ['a next page is cut short', { kind: 'truncated-page' }, { path: NEXT_PAGE }, 'answer-invalid'],
  ['the batch is cut short', { kind: 'truncated-page' }, { path: 'batch' }, 'answer-invalid'],
  ['an item of the batch is lost', { kind: 'lost-batch-item' }, { path: 'batch' }, 'answer-invalid'],
  [
    'a next link leads to another host',
    { kind: 'foreign-next-link', origin: 'https://evil.example' },
    { path: MEMBERS },
    'answer-invalid',
  ],
  [
    'a next link leads to its own page',
    { kind: 'circular-next-link' },
    { path: NEXT_PAGE },
    'answer-invalid',
  ],
  ['a next page is not found', { kind: 'status', status: 404 }, { path: NEXT_PAGE }, 'answer-invalid'],
  ['members come without fields', { kind: 'null-members' }, { path: MEMBERS }, 'limited-information'],
  ['Graph refuses the group', { kind: 'status', status: 403 }, { path: MEMBERS }, 'denied'],
  ['the answer is slower than the run', { kind: 'slow', delayMs: 5_000 }, { path: 'batch' }, 'deadline'],
];

test.each(lasting)('when %s, the read is incomplete', async (_, fault, match, reason) => {
  spoil(fault, match);

  expect(await read(NESTED, { runMs: 1_200 })).toBe(reason);
});

test('a fault of one group leaves the other groups of its batch complete', async () => {
  spoil({ kind: 'status', status: 403 }, { groupId: NESTED });

  const reads = await directoryFor(tenant).readGroups([NESTED, PRODUCT], new AbortController().signal);

  expect([reads.get(NESTED)?.status, reads.get(PRODUCT)?.status]).toEqual(['incomplete', 'complete']);
});

test('without GroupMember.Read.All every group is denied', async () => {
  tenant.permissions.delete('GroupMember.Read.All');

  expect(await read()).toBe('denied');
});

test('without User.Read.All members are limited information, not leavers', async () => {
  tenant.permissions.delete('User.Read.All');

  expect(await read()).toBe('limited-information');
});

test('a wrong secret is denied and shows nowhere in the error', async () => {
  const client = clientFor(tenant, { clientSecret: 'wrong-secret-value' });

  const answer = await client.get({ path: '/groups' }, new AbortController().signal);

  expect(answer).toMatchObject({
    status: 'failed',
    error: { code: 'GRAPH_DENIED', details: { aadsts: 7000215 } },
  });
  expect(inspect(answer, { depth: 20, showHidden: true })).not.toContain('wrong-secret-value');
});

test('a run that is aborted throws the reason of its signal', async () => {
  const reason = new Error('stop');
  const controller = new AbortController();
  spoil({ kind: 'slow', delayMs: 5_000 }, { path: 'batch' });

  const reading = directoryFor(tenant).readGroups([NESTED], controller.signal);
  controller.abort(reason);

  await expect(reading).rejects.toBe(reason);
});
