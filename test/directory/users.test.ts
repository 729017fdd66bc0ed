import { expect, test } from 'vitest';
import { readUsers } from '../../lib/directory/users.ts';
import { answersByPath, createAnsweringClient, failed, NOT_FOUND, ok } from './answering-client.ts';
import { memberItem, userId } from './members-fixture.ts';

const signal = new AbortController().signal;
const pathOf = (position: number) =>
  `/users/${userId(position)}?$select=id,displayName,mail,userPrincipalName,accountEnabled,userType`;

test('each person asked for has an entry, once, whatever became of the question', async () => {
  const { client } = answersByPath({
    [pathOf(1)]: ok({ ...memberItem(1), accountEnabled: false }),
    [pathOf(2)]: NOT_FOUND,
    [pathOf(3)]: failed('GRAPH_THROTTLED'),
    [pathOf(4)]: ok({ id: userId(4) }),
  });

  const reads = await readUsers(client, [1, 2, 3, 4, 1].map(userId), signal);

  expect([...reads.keys()]).toEqual([1, 2, 3, 4].map(userId));
  expect(reads.get(userId(1))).toMatchObject({ status: 'complete', value: { accountEnabled: false } });
  expect(reads.get(userId(2))).toMatchObject({ status: 'incomplete', reason: 'not-found' });
  expect(reads.get(userId(3))).toMatchObject({ status: 'incomplete', reason: 'throttled' });
  expect(reads.get(userId(4))).toMatchObject({ status: 'incomplete', reason: 'limited-information' });
});

test('twenty people cost one call, twenty-one two, and nobody none', async () => {
  const countCalls = async (count: number) => {
    const { client, calls } = createAnsweringClient(() => NOT_FOUND);
    await readUsers(
      client,
      Array.from({ length: count }, (_, index) => userId(index)),
      signal,
    );
    return calls.length;
  };

  expect([await countCalls(20), await countCalls(21), await countCalls(0)]).toEqual([1, 2, 0]);
});

test('a run that was aborted throws the reason of its signal', async () => {
  const reason = new Error('stop');
  const { client } = createAnsweringClient(() => NOT_FOUND);

  await expect(readUsers(client, [userId(1)], AbortSignal.abort(reason))).rejects.toBe(reason);
});
