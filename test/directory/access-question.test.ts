import { expect, test } from 'vitest';
import { readAccess } from '../../lib/directory/access-question.ts';
import type { GraphAnswer } from '../../lib/directory/answer.ts';
import type { GraphRequest } from '../../lib/directory/batch.ts';
import { createAnsweringClient, failed, NOT_FOUND, ok } from './answering-client.ts';
import { groupId, memberItem, userId } from './members-fixture.ts';

const signal = new AbortController().signal;
const isAboutGroups = (request: GraphRequest) => request.path.endsWith('/checkMemberGroups');

/** One person asked about, with what each of the two questions is answered. */
async function ask(account: GraphAnswer, groups: GraphAnswer, groupIds = [groupId(1), groupId(2)]) {
  const { client } = createAnsweringClient((request) => (isAboutGroups(request) ? groups : account));
  const access = await readAccess(client, [{ userId: userId(1), groupIds }], signal);
  return access.get(userId(1));
}

const account = ok(memberItem(1));

test('a person is in the groups that Graph names, and in no other of those asked for', async () => {
  expect(await ask(account, ok({ value: [groupId(2)] }))).toEqual({
    status: 'complete',
    value: {
      status: 'present',
      accountEnabled: true,
      kind: 'member',
      groupIds: new Set([groupId(2)]),
    },
  });
});

test('a disabled guest is present, as such', async () => {
  const disabledGuest = ok({ ...memberItem(1), accountEnabled: false, userType: 'Guest' });

  expect(await ask(disabledGuest, ok({ value: [] }))).toMatchObject({
    value: { status: 'present', accountEnabled: false, kind: 'guest' },
  });
});

test('a person is gone when both questions say so', async () => {
  expect(await ask(NOT_FOUND, NOT_FOUND)).toEqual({ status: 'complete', value: { status: 'gone' } });
});

const inconclusive: readonly [string, GraphAnswer, GraphAnswer, string][] = [
  ['only the account is not found', NOT_FOUND, ok({ value: [] }), 'answer-invalid'],
  ['only the groups are not found', account, NOT_FOUND, 'answer-invalid'],
  ['the account is not found and the groups throttled', NOT_FOUND, failed('GRAPH_THROTTLED'), 'throttled'],
  ['the groups are refused', account, failed('GRAPH_DENIED'), 'denied'],
  ['the account breaks off', failed('GRAPH_UNAVAILABLE'), ok({ value: [] }), 'unavailable'],
  ['the time is up', account, failed('DEADLINE_REACHED'), 'deadline'],
  ['the fields of the account are hidden', ok({ id: userId(1) }), ok({ value: [] }), 'limited-information'],
  ['another account is answered', ok(memberItem(2)), ok({ value: [] }), 'answer-invalid'],
  ['the groups are no list', account, ok({ value: {} }), 'answer-invalid'],
  ['the groups are an empty body', account, ok({}), 'answer-invalid'],
  ['a group has no id', account, ok({ value: [{}] }), 'answer-invalid'],
  ['a group comes that was not asked for', account, ok({ value: [groupId(3)] }), 'answer-invalid'],
];

test.each(inconclusive)('nothing is known of a person when %s', async (_, first, second, reason) => {
  expect(await ask(first, second)).toMatchObject({ status: 'incomplete', reason });
});

test('a person whom one of several answers knows is not gone', async () => {
  const { client } = createAnsweringClient((request) =>
    (request.body as { groupIds: string[] } | undefined)?.groupIds.includes(groupId(0))
      ? ok({ value: [] })
      : NOT_FOUND,
  );
  const groupIds = Array.from({ length: 21 }, (_, index) => groupId(index));

  const access = await readAccess(client, [{ userId: userId(1), groupIds }], signal);

  expect(access.get(userId(1))).toMatchObject({ status: 'incomplete', reason: 'answer-invalid' });
});

test('without a group to ask about, a missing account is not believed and a present one is', async () => {
  expect(await ask(NOT_FOUND, NOT_FOUND, [])).toMatchObject({
    status: 'incomplete',
    reason: 'answer-invalid',
  });
  expect(await ask(account, NOT_FOUND, [])).toMatchObject({
    value: { status: 'present', groupIds: new Set() },
  });
});

test('people and groups are asked about once, twenty groups a question, and the answers are put together', async () => {
  const many = Array.from({ length: 45 }, (_, index) => groupId(index));
  const { client, calls } = createAnsweringClient((request) =>
    isAboutGroups(request)
      ? ok({ value: (request.body as { groupIds: string[] }).groupIds.slice(0, 1) })
      : ok(memberItem(request.path.includes(userId(1)) ? 1 : 2)),
  );

  const access = await readAccess(
    client,
    [
      { userId: userId(1), groupIds: many },
      { userId: userId(2), groupIds: [groupId(7)] },
      { userId: userId(1), groupIds: [groupId(0)] },
    ],
    signal,
  );

  const questions = calls.flat().filter(isAboutGroups);
  expect(calls).toHaveLength(1);
  expect(
    questions.map(({ method, body }) => [method, (body as { groupIds: string[] }).groupIds.length]),
  ).toEqual([20, 20, 5, 1].map((length) => ['POST', length]));
  expect(access.size).toBe(2);
  expect(access.get(userId(1))).toMatchObject({
    value: { groupIds: new Set([groupId(0), groupId(20), groupId(40)]) },
  });
  expect(access.get(userId(2))).toMatchObject({ value: { groupIds: new Set([groupId(7)]) } });
});

test('each person has their own answer, however many calls the questions take', async () => {
  const people = Array.from({ length: 35 }, (_, index) => index);
  const { client, calls } = createAnsweringClient((request) => {
    const position = people.find((each) => request.path.includes(userId(each))) ?? -1;
    if (position % 3 === 0) return NOT_FOUND;
    return isAboutGroups(request)
      ? ok({ value: position % 3 === 1 ? [groupId(1)] : [] })
      : ok(memberItem(position));
  });

  const questions = people.map((each) => ({ userId: userId(each), groupIds: [groupId(1)] }));
  const access = await readAccess(client, questions, signal);

  expect(calls).toHaveLength(4);
  expect(people.map((each) => access.get(userId(each)))).toMatchObject(
    people.map((each) => ({
      status: 'complete',
      value:
        each % 3 === 0
          ? { status: 'gone' }
          : { status: 'present', groupIds: new Set(each % 3 === 1 ? [groupId(1)] : []) },
    })),
  );
});

test('a question about nobody costs no call', async () => {
  const { client, calls } = createAnsweringClient(() => NOT_FOUND);

  expect(await readAccess(client, [], signal)).toEqual(new Map());
  expect(calls).toEqual([]);
});
