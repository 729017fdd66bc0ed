// People asked about one by one, as they are now.

import type { EntraUserId } from '../ids.ts';
import type { GraphAnswer } from './answer.ts';
import type { GraphRequest } from './batch.ts';
import { askAll } from './batches.ts';
import type { DirectoryClient } from './client.ts';
import type { DirectoryUser } from './directory.ts';
import { reasonOf } from './failure.ts';
import { parseUser, USER_FIELDS } from './members.ts';
import { incompleteRead, type Read } from './read.ts';

/** Each person once, whatever became of the read. @throws the signal's reason */
export async function readUsers(
  client: DirectoryClient,
  userIds: readonly EntraUserId[],
  signal: AbortSignal,
): Promise<ReadonlyMap<EntraUserId, Read<DirectoryUser>>> {
  const distinct = [...new Set(userIds)];
  const answers = await askAll(client, distinct.map(userRequest), signal);
  return new Map(distinct.map((userId, index) => [userId, userOf(userId, answers[index])]));
}

/** The question for one person. */
export function userRequest(userId: EntraUserId): GraphRequest {
  return { path: `/users/${userId}?$select=${USER_FIELDS}` };
}

/** What the answer to `userRequest` says. A soft-deleted account is not found either. */
export function userOf(userId: EntraUserId, answer: GraphAnswer | undefined): Read<DirectoryUser> {
  if (answer === undefined) return incompleteRead('answer-invalid', 'Graph left a request unanswered.');
  if (answer.status === 'failed') return incompleteRead(reasonOf(answer.error), answer.error.message);
  if (answer.status === 'not-found') return incompleteRead('not-found', 'Graph knows no such user.');
  return parseUser(answer.body, userId);
}
