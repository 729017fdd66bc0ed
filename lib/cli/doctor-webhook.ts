// The part of `lcp doctor` that looks at notifications: the webhook's settings, its database role, whether it answers
// Microsoft's handshake, and what became of the subscriptions.

import { randomUUID } from 'node:crypto';
import { parseSettings, WEBHOOK_SETTINGS } from '../config.ts';
import type { Secret } from '../secret.ts';
import { createDatabase, type Database } from '../store/database.ts';
import { findSubscriptionCheck, listSubscriptions } from '../store/subscriptions.ts';
import { describeSubscriptions } from '../sync/subscription-text.ts';
import type { CliEnvironment } from './environment.ts';

type TryIt = <T>(what: string, work: () => T | Promise<T>) => Promise<T | undefined>;

const HANDSHAKE_TIMEOUT_MS = 10_000; // as long as Microsoft waits

/** Only where the webhook is deployed or about to be: one of its settings is there. */
export async function checkWebhook({ variables }: CliEnvironment, tryIt: TryIt): Promise<void> {
  if (!WEBHOOK_SETTINGS.some((name) => variables[name])) return;
  const settings = await tryIt('settings of control/webhook', () =>
    parseSettings(WEBHOOK_SETTINGS, variables),
  );
  if (!settings) return;
  await tryIt('WEBHOOK_DATABASE_URL may leave hints, and nothing else', () =>
    checkWebhookRole(settings.WEBHOOK_DATABASE_URL),
  );
  await tryIt('control/webhook answers Microsoft’s handshake', () =>
    checkHandshake(`${settings.DO_API_HOST}/api/v1/web/${settings.DO_NAMESPACE}/control/webhook`),
  );
}

/** What the last runs made of the subscriptions. */
export async function checkSubscriptions(database: Database, now: Date): Promise<void> {
  const [rows, check] = await Promise.all([listSubscriptions(database), findSubscriptionCheck(database)]);
  const { lines, isWell } = describeSubscriptions({ rows, check, now });
  if (!isWell) throw new Error(lines.join('\n'));
}

async function checkWebhookRole(url: Secret): Promise<void> {
  const database = createDatabase({ url, maxConnections: 1 });
  try {
    const { rows } = await database.query<{ mayCall: boolean; readable: string[] }>(
      `select has_function_privilege('public.record_hints(jsonb)', 'execute') as "mayCall",
              (select coalesce(array_agg(relname::text order by relname), '{}') from pg_class
                where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'm', 'p')
                  and (has_table_privilege(oid, 'select, insert, update, delete'))) as readable`,
    );
    if (!rows[0]?.mayCall) throw new Error('Run `lcp migrate`: the function record_hints is not there.');
    if (rows[0].readable.length > 0) {
      throw new Error(
        `The role may use ${rows[0].readable.length} tables (${rows[0].readable.slice(0, 3).join(', ')}, …); make one that owns and is granted nothing.`,
      );
    }
  } finally {
    await database.close();
  }
}

async function checkHandshake(url: string): Promise<void> {
  const token = `doctor ${randomUUID()}`;
  const answer = await fetch(`${url}?${new URLSearchParams({ validationToken: token })}`, {
    method: 'POST',
    signal: AbortSignal.timeout(HANDSHAKE_TIMEOUT_MS),
  }).then(
    async (response) => ({ said: `It answered ${response.status}`, text: await response.text() }),
    () => ({ said: 'There was no answer', text: '' }),
  );
  if (answer.text === token) return;
  throw new Error(`${answer.said}; deploy control/webhook, and check DO_API_HOST and DO_NAMESPACE.`);
}
