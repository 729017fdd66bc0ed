// Our subscriptions as a person reads them: who notifies us, since when, until when, and what to do. Pure.

import type { SubscriptionCheck, SubscriptionRow } from '../store/subscriptions.ts';

const HOUR_MS = 60 * 60 * 1000;

export type SubscriptionsShown = {
  readonly lines: readonly string[];
  /** Microsoft notifies us of groups and of users, as far as we know. */
  readonly isWell: boolean;
};

/** `newClientStateDigest` only while GRAPH_CLIENT_STATE is being changed, which is when it has two values. */
export function describeSubscriptions({
  rows,
  check,
  now,
  newClientStateDigest,
}: {
  readonly rows: readonly SubscriptionRow[];
  readonly check: SubscriptionCheck;
  readonly now: Date;
  readonly newClientStateDigest?: string | undefined;
}): SubscriptionsShown {
  const live = rows.filter((row) => row.expiresAt.getTime() > now.getTime());
  const lines = (['groups', 'users'] as const).flatMap((resource) => {
    const ofResource = live.filter((row) => row.resource === resource);
    if (ofResource.length === 0) {
      return [`${resource}: none; changes are found by the schedule, within five minutes`];
    }
    return ofResource.map(
      (row) =>
        `${resource}: active, made ${age(row.createdAt, now)} ago, renewed ${age(row.renewedAt, now)} ago, expires in ${age(now, row.expiresAt)}`,
    );
  });
  if (check.problem) lines.push(`${check.problem.code}: ${check.problem.message}`);
  if (check.checkedAt === null) lines.push('never looked at yet; the next run does');
  else if (now.getTime() - check.checkedAt.getTime() > 2 * HOUR_MS)
    lines.push(`last looked at ${age(check.checkedAt, now)} ago; is the schedule running?`);
  if (newClientStateDigest !== undefined) {
    const isRolledOver = rows.every((row) => row.clientStateDigest === newClientStateDigest);
    lines.push(
      isRolledOver
        ? 'all carry the new value of GRAPH_CLIENT_STATE: remove the old one and deploy'
        : 'the old value of GRAPH_CLIENT_STATE is still in use: wait for the next run',
    );
  }
  const isWell = check.problem === null && new Set(live.map((row) => row.resource)).size === 2;
  return { lines, isWell };
}

function age(from: Date, to: Date): string {
  const minutes = Math.max(0, Math.round((to.getTime() - from.getTime()) / 60_000));
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 72 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}
