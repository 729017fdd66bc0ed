// What status and doctor say of our subscriptions.

import { expect, test } from 'vitest';
import type { SubscriptionCheck, SubscriptionRow } from '../../lib/store/subscriptions.ts';
import { describeSubscriptions } from '../../lib/sync/subscription-text.ts';

const NOW = new Date('2026-01-10T12:00:00Z');
const HOUR_MS = 60 * 60 * 1000;
const hours = (count: number) => new Date(NOW.getTime() + count * HOUR_MS);
const row = (resource: 'groups' | 'users', values: Partial<SubscriptionRow> = {}): SubscriptionRow => ({
  subscriptionId: resource,
  resource,
  notificationUrl: 'https://webhook.example',
  clientStateDigest: 'new',
  expiresAt: hours(60),
  createdAt: hours(-120),
  renewedAt: hours(-12),
  ...values,
});
const check: SubscriptionCheck = { checkedAt: hours(-1), isDue: false, problem: null };
const both = [row('groups'), row('users')];

test('two live subscriptions are well, with age and expiry', () => {
  expect(describeSubscriptions({ rows: both, check, now: NOW })).toEqual({
    isWell: true,
    lines: [
      'groups: active, made 5 days ago, renewed 12 h ago, expires in 60 h',
      'users: active, made 5 days ago, renewed 12 h ago, expires in 60 h',
    ],
  });
});

test('one that is missing, has expired, or a problem is not well, and says what it means', () => {
  const expired = [row('groups', { expiresAt: hours(-1) }), row('users')];
  const problem = { code: 'SUBSCRIPTION_REFUSED', message: 'Grant it.' };

  expect(describeSubscriptions({ rows: expired, check, now: NOW })).toMatchObject({
    isWell: false,
    lines: ['groups: none; changes are found by the schedule, within five minutes', expect.any(String)],
  });
  const shown = describeSubscriptions({ rows: both, check: { ...check, problem }, now: NOW });
  expect([shown.isWell, shown.lines.at(-1)]).toEqual([false, 'SUBSCRIPTION_REFUSED: Grant it.']);
});

test('a look that is long ago, or never was, is said', () => {
  const late = describeSubscriptions({ rows: both, check: { ...check, checkedAt: hours(-26) }, now: NOW });
  const never = describeSubscriptions({ rows: [], check: { ...check, checkedAt: null }, now: NOW });

  expect(late.lines.at(-1)).toBe('last looked at 26 h ago; is the schedule running?');
  expect(never.lines.at(-1)).toBe('never looked at yet; the next run does');
});

test('while GRAPH_CLIENT_STATE is being changed it says when the old value may go', () => {
  const half = [row('groups'), row('users', { clientStateDigest: 'old' })];
  const say = (rows: readonly SubscriptionRow[]) =>
    describeSubscriptions({ rows, check, now: NOW, newClientStateDigest: 'new' }).lines.at(-1);

  expect(say(half)).toBe('the old value of GRAPH_CLIENT_STATE is still in use: wait for the next run');
  expect(say(both)).toBe('all carry the new value of GRAPH_CLIENT_STATE: remove the old one and deploy');
});
