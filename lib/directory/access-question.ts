// Whether people still have what a removal would take from them: the account and its groups, asked from the person's
// side. It shares no list with the reads of groups, so that one wrong list cannot remove anybody.

import * as z from 'zod';
import { type EntraGroupId, type EntraUserId, isGuid, parseEntraGroupId } from '../ids.ts';
import type { GraphAnswer } from './answer.ts';
import type { GraphRequest } from './batch.ts';
import { askAll, chunk } from './batches.ts';
import type { DirectoryClient } from './client.ts';
import type { Access, AccessQuestion } from './directory.ts';
import { reasonOf } from './failure.ts';
import { completeRead, incompleteRead, type Read } from './read.ts';
import { userOf, userRequest } from './users.ts';

/** https://learn.microsoft.com/graph/api/directoryobject-checkmembergroups: at most 20 groups a question. */
const GROUPS_PER_QUESTION = 20;

const memberGroups = z.object({ value: z.array(z.string().refine(isGuid)) });

type Asked = {
  readonly userId: EntraUserId;
  readonly groupIds: readonly EntraGroupId[];
  readonly requests: readonly GraphRequest[];
};

/** Each person once, with all groups asked for them; nobody asked about costs no call. @throws the signal's reason */
export async function readAccess(
  client: DirectoryClient,
  questions: readonly AccessQuestion[],
  signal: AbortSignal,
): Promise<ReadonlyMap<EntraUserId, Read<Access>>> {
  const asked = [...Map.groupBy(questions, (question) => question.userId)].map(toAsked);
  const requests = asked.flatMap((person) => person.requests);
  const answers = await askAll(client, requests, signal);
  let from = 0;
  return new Map(
    asked.map((person) => {
      const [account, ...memberships] = answers.slice(from, from + person.requests.length);
      from += person.requests.length;
      return [person.userId, accessOf(person, account, memberships)];
    }),
  );
}

function toAsked([userId, questions]: readonly [EntraUserId, readonly AccessQuestion[]]): Asked {
  const groupIds = [...new Set(questions.flatMap((question) => question.groupIds))];
  const memberships = chunk(groupIds, GROUPS_PER_QUESTION).map((part) => membershipRequest(userId, part));
  return { userId, groupIds, requests: [userRequest(userId), ...memberships] };
}

// A POST that changes nothing, so a repeat is harmless. Transitive; the application needs User.Read.All and
// GroupMember.Read.All. https://learn.microsoft.com/graph/api/directoryobject-checkmembergroups
function membershipRequest(userId: EntraUserId, groupIds: readonly EntraGroupId[]): GraphRequest {
  return { path: `/users/${userId}/checkMemberGroups`, method: 'POST', body: { groupIds } };
}

/** All answers together, or nothing is known of the person. */
function accessOf(
  { userId, groupIds }: Asked,
  account: GraphAnswer | undefined,
  memberships: readonly GraphAnswer[],
): Read<Access> {
  const answers = [account, ...memberships];
  for (const answer of answers) {
    if (answer?.status === 'failed') return incompleteRead(reasonOf(answer.error), answer.error.message);
  }
  const goneCount = answers.filter((answer) => answer?.status === 'not-found').length;
  // One answer alone could come from a replica that lags: nobody is gone until a second one says so too.
  if (goneCount === answers.length && goneCount > 1) return completeRead({ status: 'gone' });
  if (goneCount > 0)
    return incompleteRead('answer-invalid', 'Graph’s answers differ on whether the user exists.');
  const user = userOf(userId, account);
  if (user.status === 'incomplete') return user;
  const found = memberships.map((answer) => parseGroupIds(answer));
  const { accountEnabled, kind } = user.value;
  const isIn = new Set(found.flatMap((ids) => ids ?? []));
  if (found.includes(undefined) || [...isIn].some((id) => !groupIds.includes(id))) {
    return incompleteRead(
      'answer-invalid',
      'Graph answered another question than whether a user is in groups.',
    );
  }
  return completeRead({ status: 'present', accountEnabled, kind, groupIds: isIn });
}

function parseGroupIds(answer: GraphAnswer): readonly EntraGroupId[] | undefined {
  const parsed = answer.status === 'ok' ? memberGroups.safeParse(answer.body) : undefined;
  return parsed?.success ? parsed.data.value.map(parseEntraGroupId) : undefined;
}
