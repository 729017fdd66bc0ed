// Gives access: restores a rejoiner's keys, mints new ones; ends those whose time is over or whose answer was lost. A key is stored
// encrypted before LiteLLM hears of it and recorded live after, so a crash between leaves exactly one usable key.

import pLimit from 'p-limit';
import { ControlError } from '../errors.ts';
import type { Action } from './actions.ts';
import type { ApplyContext, Attempt } from './apply-context.ts';
import { markedMetadata } from './marker.ts';

const KINDS = ['retire_key', 'delete_key', 'restore_key', 'confirm_key', 'mint_key'] as const;
/** These take what nobody may use any more, member or not. */
const ENDING: readonly string[] = ['retire_key', 'delete_key'];

type KeyAction = Extract<Action, { kind: (typeof KINDS)[number] }>;

/** `notMembers` are people whose addition failed: no key is made or restored for them in that team. */
export async function applyKeys(
  allowed: readonly Action[],
  notMembers: readonly Action[],
  context: ApplyContext,
  { attempt }: Attempt,
): Promise<void> {
  const blocked = new Set(
    notMembers.map((action) => (action.kind === 'add_member' ? `${action.teamId}/${action.userId}` : '')),
  );
  const actions = allowed
    .filter(isKeyAction)
    .filter((action) => ENDING.includes(action.kind) || !blocked.has(`${action.teamId}/${action.userId}`));
  const limit = pLimit(context.concurrency);
  await limit.map(actions, (action) => attempt([action], () => applyKey(action, context)));
}

async function applyKey(action: KeyAction, context: ApplyContext): Promise<void> {
  const { gateway, journal, signal } = context;
  switch (action.kind) {
    case 'retire_key':
      await gateway.blockKey(action.keyHash, signal);
      await gateway.deleteKeys([action.keyHash], signal);
      return journal.recordKeyDeleted(personOf(action), action.keyHash, action.cause);
    case 'delete_key':
      await gateway.deleteKeys([action.keyHash], signal);
      return journal.recordKeyDeleted(personOf(action), action.keyHash, action.cause);
    case 'confirm_key':
      return journal.recordKeyLive(personOf(action), action.keyHash, 'key_confirmed', action.cause);
    case 'restore_key':
      return restoreKey(action, context);
    case 'mint_key':
      return makeKey(action, context);
  }
}

/** Attached before it is unblocked: a key that works never works outside its team's limits. */
async function restoreKey(
  action: Extract<KeyAction, { kind: 'restore_key' }>,
  { gateway, journal, signal }: ApplyContext,
): Promise<void> {
  const { keyHash, teamId, unblock, cause } = action;
  const isPresent =
    (await gateway.moveKey(keyHash, teamId, signal)) === 'moved' &&
    (!unblock || (await gateway.unblockKey(keyHash, signal)) === 'unblocked');
  if (!isPresent) {
    throw new ControlError(
      'GATEWAY_REFUSED',
      `Key ${keyHash.slice(0, 8)} is no longer in LiteLLM; the next run mints a new one.`,
      {
        retryable: true,
        details: { keyHash, teamId },
      },
    );
  }
  await journal.recordKeyLive(personOf(action), keyHash, 'key_restored', cause);
}

async function makeKey(
  action: Extract<KeyAction, { kind: 'mint_key' }>,
  context: ApplyContext,
): Promise<void> {
  const { userId, teamId, generation, replaces, cause } = action;
  const { plaintext, keyHash, alias, jwe } = await context.mintKey({ userId, teamId, generation });
  await context.journal.beginMint({ keyHash, userId, teamId, alias, generation, jwe }, replaces);
  const metadata = markedMetadata({ generation });
  await context.gateway.generateKey({ key: plaintext, alias, userId, teamId, metadata }, context.signal);
  await context.journal.recordKeyLive(personOf(action), keyHash, 'key_minted', cause);
}

function personOf({ teamId, userId }: KeyAction) {
  return { teamId, userId };
}

function isKeyAction(action: Action): action is KeyAction {
  return (KINDS as readonly string[]).includes(action.kind);
}
