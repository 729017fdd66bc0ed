// What a person can do on the console, each as one function that changes the world and says what happened.

import type { Clock } from '../../../lib/clock.ts';
import type { EntraGroupId, EntraUserId, KeyHash } from '../../../lib/ids.ts';
import type { SyncOutcome } from '../sync-now.ts';
import type { World } from '../world.ts';
import { FAULT_MENU, type FaultName, faultRuleFor } from './fault-menu.ts';
import type { KeyDesk } from './key-desk.ts';
import type { LastCall } from './keys-section.ts';
import type { Message } from './page.ts';

type Owner = { readonly userId: EntraUserId; readonly teamId: EntraGroupId };

export type ConsoleActions = ReturnType<typeof createConsoleActions>;

export type ActionSources = {
  readonly world: World;
  readonly desk: KeyDesk;
  readonly findKeyHash: (owner: Owner) => Promise<KeyHash | undefined>;
  readonly deleteKey: (keyHash: KeyHash) => Promise<void>;
  /** Filled here: the text of each injected fault. */
  readonly faultTexts: Map<string, string>;
  readonly clock: Clock;
};

export function createConsoleActions({
  world,
  desk,
  findKeyHash,
  deleteKey,
  faultTexts,
  clock,
}: ActionSources) {
  const { tenant, faults, deliveries } = world.tenant;
  const isSilent = () => deliveries.faults.list().some((fault) => fault.kind === 'lose');
  let lastCall: LastCall | undefined;
  let chosenModel = '';
  const nameOf = (userId: string) => tenant.findUser(userId)?.displayName ?? userId;
  const teamOf = (teamId: string) => world.policy.groups.find((group) => group.entra_group === teamId);

  const follows = () =>
    isSilent()
      ? 'Nobody notifies us: the next run finds it.'
      : 'Microsoft notifies us; LiteLLM follows in a moment.';

  return {
    state: () => ({ lastCall, chosenModel }),

    changeMembership({
      groupId,
      memberId,
      change,
    }: {
      groupId: string;
      memberId: string;
      change: 'join' | 'leave';
    }): Message {
      if (change === 'join') tenant.addMember(groupId, memberId);
      else tenant.removeMember(groupId, memberId);
      const verb = change === 'join' ? 'joined' : 'left';
      return good(`${nameOf(memberId)} ${verb} ${tenant.findGroup(groupId)?.displayName}. ${follows()}`);
    },

    changeAccount({ userId, enabled }: { userId: string; enabled: boolean }): Message {
      if (enabled) tenant.enableUser(userId);
      else tenant.disableUser(userId);
      return good(`${nameOf(userId)}’s account is ${enabled ? 'enabled' : 'disabled'}. ${follows()}`);
    },

    rename({ userId, displayName }: { userId: string; displayName: string }): Message {
      const before = nameOf(userId);
      tenant.rename(userId, { displayName });
      return good(
        `${before} is now ${displayName}; the key stays, because it belongs to the account and not to the name.`,
      );
    },

    async sync(): Promise<Message> {
      return describeOutcome(await world.syncNow());
    },

    async call({ key: owner, model: asked }: { key: Owner; model: string }): Promise<Message | undefined> {
      chosenModel = asked;
      const team = teamOf(owner.teamId);
      const model = asked === '' ? (team?.models[0] ?? '') : asked;
      const key = `${owner.userId}/${owner.teamId}`;
      const about = {
        person: nameOf(owner.userId),
        team: team?.team ?? owner.teamId,
        key,
        model,
        at: clock.now(),
      };
      try {
        lastCall = { ...about, result: await desk.call(owner, await findKeyHash(owner), model) };
      } catch (error) {
        lastCall = { ...about, result: { kind: 'failed', reason: String(error) } };
      }
      return describeCall(lastCall);
    },

    async replaceKey({ key: owner }: { key: Owner }): Promise<Message> {
      const keyHash = await findKeyHash(owner);
      if (keyHash === undefined) return { tone: 'bad', text: 'There is no key to delete.' };
      await deleteKey(keyHash);
      lastCall = undefined;
      return good(
        `${nameOf(owner.userId)}’s key is deleted in LiteLLM, as if by hand. The next run makes a new one.`,
      );
    },

    loseNotifications(): Message {
      deliveries.faults.add({ kind: 'lose' });
      return good('From now on every notification is lost. The schedule, or “Sync now”, finds the changes.');
    },

    injectFault({ fault, groupId }: { fault: FaultName; groupId: string }): Message {
      const where = groupId === '' ? 'all groups' : (teamOf(groupId)?.team ?? groupId);
      const text = `${FAULT_MENU[fault].text}, for ${where}`;
      faultTexts.set(faults.add(faultRuleFor(fault, groupId === '' ? undefined : groupId)), text);
      return good(`${text}. Let somebody leave, and see what comes of it.`);
    },

    clearFaults(): Message {
      faults.clear();
      deliveries.faults.clear();
      return good('Graph works again, and notifies us.');
    },
  };
}

function describeOutcome(outcome: SyncOutcome): Message {
  switch (outcome.kind) {
    case 'finished':
      return {
        tone: outcome.report.status === 'succeeded' ? 'good' : 'bad',
        text: `The run ${outcome.report.status === 'succeeded' ? 'succeeded' : 'is partial'}, in ${(outcome.durationMs / 1000).toFixed(1)} s.`,
      };
    case 'skipped':
      return good(outcome.message);
    case 'failed':
      return { tone: 'bad', text: `The run failed. ${outcome.message}` };
  }
}

function describeCall({ person, model, result }: LastCall): Message {
  if (result.kind === 'answered') {
    const isGood = result.status < 300;
    return {
      tone: isGood ? 'good' : 'bad',
      text: `${model} ${isGood ? 'answered' : 'refused'} ${person}: ${result.status}.`,
    };
  }
  return { tone: 'bad', text: `${model} was not asked for ${person}.` };
}

function good(text: string): Message {
  return { tone: 'good', text };
}
