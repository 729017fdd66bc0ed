// Tries what the control plane needs from Entra, one small read a permission, for `lcp doctor`. It changes
// nothing and stops at nothing: every problem is in the list.

import * as z from 'zod';
import type { EntraGroupId } from '../ids.ts';
import type { GraphAnswer } from './answer.ts';
import type { GraphRequest } from './batch.ts';
import type { DirectoryClient } from './client.ts';

export type AccessTrial = {
  /** What is tried, with the permission it needs. */
  readonly what: string;
  /** What to do; null where nothing is to be done. */
  readonly findRemedy: (client: DirectoryClient, signal: AbortSignal) => Promise<string | null>;
};

export type AccessCheck = {
  readonly what: string;
  readonly isOk: boolean;
  readonly remedy: string | null;
};

const ONE_USER = '/users?$top=1&$select=id,userPrincipalName,accountEnabled';
const userList = z.object({
  value: z.array(z.object({ userPrincipalName: z.string(), accountEnabled: z.boolean() })),
});

/** In this order: sign-in and groups, users, then each group of the policy. */
export function listAccessTrials(groupIds: readonly EntraGroupId[]): readonly AccessTrial[] {
  return [
    trial('Read groups (GroupMember.Read.All)', { path: '/groups?$top=1&$select=id' }),
    trial('Read users (User.Read.All)', { path: ONE_USER }, (body) =>
      userList.safeParse(body).success
        ? null
        : 'Grant the application permission User.Read.All with admin consent: user fields are hidden from us.',
    ),
    ...groupIds.map((groupId) =>
      trial(`Group ${groupId} of policy.yml exists`, { path: `/groups/${groupId}?$select=id` }),
    ),
  ];
}

/** All of them, one after the other. */
export async function checkDirectoryAccess(
  client: DirectoryClient,
  groupIds: readonly EntraGroupId[],
  signal: AbortSignal,
): Promise<readonly AccessCheck[]> {
  const checks: AccessCheck[] = [];
  for (const { what, findRemedy } of listAccessTrials(groupIds)) {
    const remedy = await findRemedy(client, signal);
    checks.push({ what, isOk: remedy === null, remedy });
  }
  return checks;
}

function trial(
  what: string,
  request: GraphRequest,
  judge: (body: unknown) => string | null = () => null,
): AccessTrial {
  return {
    what,
    findRemedy: async (client, signal) => {
      const answer = await client.get(request, signal);
      return answer.status === 'ok' ? judge(answer.body) : describeRemedy(answer, what);
    },
  };
}

function describeRemedy(answer: Exclude<GraphAnswer, { status: 'ok' }>, what: string): string {
  if (answer.status === 'not-found')
    return 'Correct the id in policy.yml, or GRAPH_BASE_URL if every check says this.';
  if (answer.error.code !== 'GRAPH_DENIED') return answer.error.message;
  // Only Graph itself knows a graphCode; without one it was the sign-in that failed, and the message says so.
  return answer.error.details.graphCode === 'Authorization_RequestDenied'
    ? `Grant the application permission for "${what}" with admin consent.`
    : answer.error.message;
}
