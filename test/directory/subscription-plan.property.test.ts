// Whatever Microsoft has and we recorded, carrying out the plan leaves exactly one subscription of ours on each
// resource, touches no other, and never leaves fewer listening than before.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  planSubscriptions,
  RESOURCES,
  type RecordedSubscription,
  type SubscriptionAction,
} from '../../lib/directory/subscription-plan.ts';
import type { RemoteSubscription } from '../../lib/directory/subscriptions.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const HOUR_MS = 60 * 60 * 1000;
const URLS = ['https://ours.example/now', 'https://ours.example/before', 'https://foreign.example'] as const;
const wanted = {
  notificationUrl: URLS[0],
  lifecycleNotificationUrl: `${URLS[0]}/lifecycle`,
  clientStateDigest: 'now',
};

const subscription = fc.record({
  resource: fc.constantFrom('groups', 'users'),
  url: fc.constantFrom(...URLS),
  lifecycle: fc.boolean(),
  changeTypes: fc.constantFrom(['updated', 'deleted'], ['deleted', 'updated'], ['updated']),
  expiresInHours: fc.integer({ min: -5, max: 72 }),
  /** As what we recorded it, if we did. */
  recorded: fc.constantFrom(undefined, 'now', 'before'),
});
type Drawn = typeof subscription extends fc.Arbitrary<infer T> ? T : never;
type Model = { remote: Map<string, RemoteSubscription>; recorded: Map<string, RecordedSubscription> };

function modelOf(drawn: readonly Drawn[]): Model {
  const model: Model = { remote: new Map(), recorded: new Map() };
  for (const [n, one] of drawn.entries()) {
    const subscriptionId = `id-${n}`;
    const notificationUrl = one.url;
    const resource = one.resource as 'groups' | 'users';
    const expiresAt = new Date(NOW.getTime() + one.expiresInHours * HOUR_MS);
    // Microsoft lists none that has expired.
    if (one.expiresInHours > 0)
      model.remote.set(subscriptionId, {
        subscriptionId,
        resource,
        notificationUrl,
        lifecycleNotificationUrl: one.lifecycle ? `${notificationUrl}/lifecycle` : null,
        changeTypes: new Set(one.changeTypes),
        expiresAt,
      });
    if (one.recorded && one.url !== URLS[2])
      model.recorded.set(subscriptionId, {
        subscriptionId,
        resource,
        notificationUrl,
        clientStateDigest: one.recorded,
      });
  }
  return model;
}

const plan = ({ remote, recorded }: Model, reauthorize: string[] = []) =>
  planSubscriptions({
    wanted,
    remote: [...remote.values()],
    recorded: [...recorded.values()],
    reauthorize,
    now: NOW,
  });

let made = 0;
function carryOut(model: Model, action: SubscriptionAction, isRecorded = true): void {
  const expiresAt = new Date(NOW.getTime() + 72 * HOUR_MS);
  if (action.kind === 'create') {
    made += 1;
    const subscriptionId = `new-${made}`;
    const { resource } = action;
    const { notificationUrl, lifecycleNotificationUrl, clientStateDigest } = wanted;
    const changeTypes = new Set(['updated', 'deleted']);
    const one = {
      subscriptionId,
      resource,
      notificationUrl,
      lifecycleNotificationUrl,
      changeTypes,
      expiresAt,
    };
    model.remote.set(subscriptionId, one);
    if (isRecorded)
      model.recorded.set(subscriptionId, { subscriptionId, resource, notificationUrl, clientStateDigest });
  } else if (action.kind === 'renew') {
    const one = model.remote.get(action.subscriptionId);
    if (one) model.remote.set(action.subscriptionId, { ...one, expiresAt });
  } else {
    if (action.kind === 'delete') model.remote.delete(action.subscriptionId);
    if (isRecorded) model.recorded.delete(action.subscriptionId);
  }
}

const isOurs = (one: RemoteSubscription) => one.notificationUrl !== URLS[2];
const listening = ({ remote }: Model, resource: string) =>
  [...remote.values()].filter((one) => isOurs(one) && one.resource === resource).length;

test('carried out, the plan leaves one on each resource, all others of ours gone, foreign ones untouched', () => {
  fc.assert(
    fc.property(fc.array(subscription, { maxLength: 8 }), (drawn) => {
      const model = modelOf(drawn);
      const foreign = [...model.remote.values()].filter((one) => !isOurs(one));
      const known = new Set([...model.recorded.values()].map((row) => row.notificationUrl));
      const unknown = [...model.remote.values()].filter(
        (one) =>
          one.notificationUrl === URLS[1] && !known.has(URLS[1]) && !model.recorded.has(one.subscriptionId),
      );
      const before = new Map(RESOURCES.map((resource) => [resource, listening(model, resource)]));
      for (const action of plan(model)) {
        carryOut(model, action);
        for (const resource of RESOURCES)
          expect(listening(model, resource)).toBeGreaterThanOrEqual(Math.min(1, before.get(resource) ?? 0));
      }

      const rest = [...model.remote.values()].filter((one) => isOurs(one) && !unknown.includes(one));
      expect(rest.map((one) => one.resource).sort()).toEqual(['groups', 'users']);
      expect(rest.every((one) => one.notificationUrl === URLS[0])).toBe(true);
      expect([...model.remote.values()].filter((one) => !isOurs(one))).toEqual(foreign);
      expect(model.recorded.size).toBe(2);
      expect(plan(model)).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test('cut off after any action, recorded or not, the next plan still ends with one on each', () => {
  fc.assert(
    fc.property(
      fc.array(subscription, { maxLength: 6 }),
      fc.nat(6),
      fc.boolean(),
      (drawn, cut, isRecorded) => {
        const model = modelOf(drawn.filter((one) => one.url !== URLS[1]));
        for (const [at, action] of plan(model).entries()) {
          if (at > cut) break;
          carryOut(model, action, at < cut || isRecorded);
        }
        for (const action of plan(model)) carryOut(model, action);

        const rest = [...model.remote.values()].filter(isOurs);
        expect(rest.map((one) => one.resource).sort()).toEqual(['groups', 'users']);
        expect(plan(model)).toEqual([]);
      },
    ),
    { numRuns: 500 },
  );
});

test('one that Microsoft wants reauthorised is renewed even when it is fresh', () => {
  const model = modelOf([]);
  for (const action of plan(model)) carryOut(model, action);
  const [id = ''] = model.remote.keys();

  expect(plan(model, [id])).toMatchObject([{ kind: 'renew', subscriptionId: id }]);
});
