// Writes people's mail, name, role and marker, a hundred in one call. One person that LiteLLM refuses (a mail
// address that another row has) does not hold up the others.

import { ControlError } from '../errors.ts';
import type { Action } from './actions.ts';
import type { ApplyContext, Attempt } from './apply.ts';
import type { UserUpdate } from './gateway-port.ts';
import { markedMetadata } from './marker.ts';

const USERS_PER_CALL = 100;

type UserAction = Extract<Action, { kind: 'update_user' | 'demote_user' }>;

export async function applyUsers(
  actions: readonly UserAction[],
  context: ApplyContext,
  steps: Attempt,
): Promise<void> {
  for (let i = 0; i < actions.length; i += USERS_PER_CALL) {
    const chunk = actions.slice(i, i + USERS_PER_CALL);
    await steps.attempt(chunk, () => updateUsers(chunk, context, steps));
  }
}

async function updateUsers(
  actions: readonly UserAction[],
  { gateway, journal, signal }: ApplyContext,
  steps: Attempt,
): Promise<void> {
  const outcomes = await gateway.updateUsers(actions.map(updateOf), signal);
  const refused = new Map(
    outcomes
      .filter((outcome) => outcome.error !== undefined)
      .map((outcome) => [outcome.userId, outcome.error]),
  );
  await journal.record(
    actions
      .filter((action) => !refused.has(action.userId))
      .map((action) => ({
        event: action.kind === 'demote_user' ? 'user_demoted' : 'user_updated',
        userId: action.userId,
        cause: action.cause,
        // Names and mail addresses stay out of the audit; which fields changed is enough.
        details:
          action.kind === 'demote_user'
            ? { before: action.before, after: action.after }
            : { fields: Object.keys(action.after) },
      })),
  );
  for (const action of actions) {
    if (!refused.has(action.userId)) continue;
    const message = `LiteLLM refused the change of user ${action.userId}; look for another user row with the same mail address.`;
    steps.fail(action, new ControlError('GATEWAY_REFUSED', message, { details: { userId: action.userId } }));
  }
}

function updateOf(action: UserAction): UserUpdate {
  if (action.kind === 'demote_user') return { userId: action.userId, role: action.after };
  const { email, alias, role } = action.after;
  return {
    userId: action.userId,
    ssoUserId: action.userId,
    metadata: markedMetadata(),
    ...(email == null ? {} : { email }),
    ...(alias == null ? {} : { alias }),
    ...(role === undefined ? {} : { role }),
  };
}
