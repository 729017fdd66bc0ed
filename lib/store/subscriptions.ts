// The subscriptions we made at Microsoft, with what each was made for, and what the last look at them found.

import type { Queryable } from './database.ts';

export type SubscriptionRow = {
  readonly subscriptionId: string;
  readonly resource: 'groups' | 'users';
  readonly notificationUrl: string;
  /** SHA-256 of the clientState it was made with, which Graph does not give back. */
  readonly clientStateDigest: string;
  readonly expiresAt: Date;
  readonly createdAt: Date;
  readonly renewedAt: Date;
};

export type SubscriptionCheck = {
  /** null before the first look. */
  readonly checkedAt: Date | null;
  readonly isDue: boolean;
  readonly problem: { readonly code: string; readonly message: string } | null;
};

/** A lost subscription is noticed after at most this long; the schedule finds all changes meanwhile. */
const CHECK_EVERY = '60 minutes';

export async function listSubscriptions(database: Queryable): Promise<SubscriptionRow[]> {
  const { rows } = await database.query<SubscriptionRow>(
    `select subscription_id as "subscriptionId", resource, notification_url as "notificationUrl",
            client_state_digest as "clientStateDigest", expires_at as "expiresAt", created_at as "createdAt",
            renewed_at as "renewedAt"
     from subscriptions order by resource, created_at`,
  );
  return rows;
}

export type NewSubscriptionRow = Pick<
  SubscriptionRow,
  'subscriptionId' | 'resource' | 'notificationUrl' | 'clientStateDigest' | 'expiresAt'
>;

export async function insertSubscription(transaction: Queryable, row: NewSubscriptionRow): Promise<void> {
  await transaction.query(
    `insert into subscriptions (subscription_id, resource, notification_url, client_state_digest, expires_at)
     values ($1, $2, $3, $4, $5)`,
    [row.subscriptionId, row.resource, row.notificationUrl, row.clientStateDigest, row.expiresAt],
  );
}

export async function updateSubscriptionExpiry(
  transaction: Queryable,
  subscriptionId: string,
  expiresAt: Date,
): Promise<void> {
  await transaction.query(
    'update subscriptions set expires_at = $2, renewed_at = clock_timestamp() where subscription_id = $1',
    [subscriptionId, expiresAt],
  );
}

/** Harmless when there is no such row. */
export async function deleteSubscriptionRow(transaction: Queryable, subscriptionId: string): Promise<void> {
  await transaction.query('delete from subscriptions where subscription_id = $1', [subscriptionId]);
}

/** By PostgreSQL's clock. */
export async function findSubscriptionCheck(database: Queryable): Promise<SubscriptionCheck> {
  const { rows } = await database.query<{
    checkedAt: Date | null;
    isDue: boolean;
    code: string | null;
    message: string | null;
  }>(
    `select checked_at as "checkedAt", problem_code as code, problem_message as message,
            checked_at is null or checked_at < clock_timestamp() - $1::interval as "isDue"
     from subscription_checks`,
    [CHECK_EVERY],
  );
  const { checkedAt = null, isDue = true, code = null, message = null } = rows[0] ?? {};
  return { checkedAt, isDue, problem: code === null ? null : { code, message: message ?? '' } };
}

export async function updateSubscriptionCheck(
  transaction: Queryable,
  problem: SubscriptionCheck['problem'],
): Promise<void> {
  await transaction.query(
    'update subscription_checks set checked_at = clock_timestamp(), problem_code = $1, problem_message = $2',
    [problem?.code ?? null, problem?.message ?? null],
  );
}
