// Writes people's mail, name, role and marker, a hundred in one call. One person that LiteLLM refuses (a mail
// address that another row has) does not hold up the others.

import { ControlError } from '../errors.ts';
import type { UserChange } from '../gateway/users.ts';
import type { Action } from './actions.ts';
import type { ApplyContext, Attempt } from './apply-context.ts';
import { markedMetadata } from './marker.ts';

const USERS_PER_CALL = 100;

type CreateAction = Extract<Action, { kind: 'create_user' }>;
type ChangeAction = Extract<Action, { kind: 'update_user' | 'demote_user' }>;

/** Makes the rows of new people, before they become members. Who is refused still gets access, without a mail. */
export async function createUsers(
  actions: readonly CreateAction[],
  context: ApplyContext,
  steps: Attempt,
): Promise<void> {
  const { gateway, signal } = context;
  await inChunks(actions, steps, async (chunk) => {
    const users = chunk.map(({ userId, fields }) => ({
      userId,
      ssoUserId: userId,
      metadata: markedMetadata(),
      ...fields,
    }));
    const outcomes = await gateway.createUsers(users, signal);
    await settle(chunk, outcomes, context, steps, () => ({ event: 'user_created', details: {} }));
  });
}

/** Changes rows that are ours. */
export async function changeUsers(
  actions: readonly ChangeAction[],
  context: ApplyContext,
  steps: Attempt,
): Promise<void> {
  const { gateway, signal } = context;
  await inChunks(actions, steps, async (chunk) => {
    const outcomes = await gateway.updateUsers(chunk.map(changeOf), signal);
    await settle(chunk, outcomes, context, steps, (action) =>
      action.kind === 'demote_user'
        ? { event: 'user_demoted', details: { before: action.before, after: action.after } }
        : { event: 'user_updated', details: { fields: Object.keys(action.after) } },
    );
  });
}

/** Deletes rows that are ours. LiteLLM would delete the person's keys with them, so one that turned up meanwhile keeps
 *  the row. */
export async function deleteUsers(
  actions: readonly Extract<Action, { kind: 'delete_user' }>[],
  context: ApplyContext,
  steps: Attempt,
): Promise<void> {
  const { gateway, journal, signal } = context;
  for (const action of actions) {
    const { userId, cause } = action;
    await steps.attempt([action], async () => {
      if ((await gateway.listKeysOf(userId, signal)).length > 0) {
        const message = `User ${userId} has got a key meanwhile; the row stays.`;
        throw new ControlError('GATEWAY_REFUSED', message, { details: { userId } });
      }
      await gateway.deleteUser(userId, signal);
      await journal.record([{ event: 'user_deleted', userId, cause }]);
    });
  }
}

async function inChunks<A extends Action>(
  actions: readonly A[],
  steps: Attempt,
  work: (chunk: readonly A[]) => Promise<void>,
) {
  for (let i = 0; i < actions.length; i += USERS_PER_CALL) {
    const chunk = actions.slice(i, i + USERS_PER_CALL);
    await steps.attempt(chunk, () => work(chunk));
  }
}

/** Names and mail addresses stay out of the audit: which fields changed is enough. */
async function settle<A extends CreateAction | ChangeAction>(
  actions: readonly A[],
  outcomes: readonly { readonly userId: string; readonly outcome: string }[],
  { journal }: ApplyContext,
  steps: Attempt,
  tell: (action: A) => { event: string; details: Record<string, unknown> },
): Promise<void> {
  const refused = new Set(
    outcomes.filter(({ outcome }) => outcome === 'refused').map(({ userId }) => userId),
  );
  const settled = actions.filter((action) => !refused.has(action.userId));
  await journal.record(
    settled.map((action) => ({ ...tell(action), userId: action.userId, cause: action.cause })),
  );
  for (const action of actions) {
    if (!refused.has(action.userId)) continue;
    const message = `LiteLLM refused the row of user ${action.userId}; look for another user row with the same mail address.`;
    steps.fail(action, new ControlError('GATEWAY_REFUSED', message, { details: { userId: action.userId } }));
  }
}

function changeOf(action: ChangeAction): UserChange {
  if (action.kind === 'demote_user') return { userId: action.userId, role: action.after };
  const { email, alias, role } = action.after;
  return {
    userId: action.userId,
    ...(email == null ? {} : { email }),
    ...(alias == null ? {} : { alias }),
    ...(role === undefined ? {} : { role }),
    ...(action.mark ? { metadata: markedMetadata() } : {}),
  };
}
