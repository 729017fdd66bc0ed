// control/webhook: on the web, for Microsoft Graph's change and lifecycle notifications, within 10 seconds. What it is
// told is only a hint: it is stored for control/sync, sync is woken, and the answer is 202 in a fraction of the three
// seconds Microsoft waits. A hint that cannot be stored is answered 503, after which Microsoft sends it again.

import * as z from 'zod';
import { systemClock } from '../../../lib/clock.ts';
import { parseSettings, WEBHOOK_SETTINGS } from '../../../lib/config.ts';
import { parseHandshake } from '../../../lib/directory/notification-handshake.ts';
import { parseNotifications } from '../../../lib/directory/notifications.ts';
import { isControlError } from '../../../lib/errors.ts';
import { createLog, type LogFields } from '../../../lib/log.ts';
import { joinMutualTls } from '../../../lib/mutual-tls.ts';
import { createFunctionsHost } from '../../../lib/platform/functions-host.ts';
import { createDatabase } from '../../../lib/store/database.ts';
import { recordHints } from '../../../lib/store/hints.ts';

type Context = { readonly activationId: string; readonly getRemainingTimeInMillis: () => number };
type Answer = {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
};
type Outcome = Answer & {
  readonly level: 'info' | 'warn' | 'error';
  readonly event: string;
  readonly fields?: LogFields;
};

/** Microsoft counts an answer after 3 s as slow; one dead connection and one new one fit into that. */
const STORE_TIMEOUT_MS = 1_000;
const WAKE_TIMEOUT_MS = 1_500;
const RETRY_AFTER_SECONDS = 10;
const PATHS = ['', '/lifecycle'];

const eventSchema = z.object({
  http: z.object({
    method: z.string().toUpperCase(),
    path: z.string(),
    queryString: z.string().default(''),
    body: z.string().default(''),
    isBase64Encoded: z.boolean().default(false),
  }),
});

/** Kept by warm invocations: connecting is most of what a notification costs. */
let shared: ReturnType<typeof createParts> | undefined;

export async function main(event: unknown, context: Context): Promise<Answer> {
  const startedAtMs = systemClock.now().getTime();
  const { level, event: name, fields, ...answer } = await receive(event, context).catch(unavailable);
  const log = createLog({ function: 'control/webhook', activationId: context.activationId });
  const durationMs = systemClock.now().getTime() - startedAtMs;
  log[level](name, { ...fields, statusCode: answer.statusCode, durationMs });
  return answer;
}

async function receive(event: unknown, context: Context): Promise<Outcome> {
  const request = eventSchema.safeParse(event).data?.http;
  if (request === undefined) return refused(400);
  if (!PATHS.includes(request.path)) return refused(404);
  if (request.method !== 'POST') return { ...refused(405), headers: { allow: 'POST' } };
  const handshake = parseHandshake(request.queryString);
  if (handshake.status === 'invalid') return refused(400);
  if (handshake.status === 'token') return validated(handshake.token);

  shared ??= createParts();
  const { clientStates, database, functionsHost } = shared;
  const body = request.isBase64Encoded ? Buffer.from(request.body, 'base64').toString() : request.body;
  const post = parseNotifications(body, clientStates);
  if (post.status === 'malformed') return refused(400);
  if (post.status === 'too-many') return refused(413);
  const counts = { accepted: post.acceptedCount, refused: post.refusedCount, unknown: post.unknownCount };
  // The same answer whether anything was accepted or not: a stranger learns nothing.
  if (post.hints.length === 0) return received({ ...counts, woken: false });
  let isToBeWoken: boolean;
  try {
    isToBeWoken = await recordHints(database, post.hints);
  } catch (error) {
    return unavailable(error, counts);
  }
  if (!isToBeWoken) return received({ ...counts, woken: false });
  try {
    const signal = AbortSignal.timeout(context.getRemainingTimeInMillis());
    await functionsHost.invoke('control/sync', { trigger: 'webhook' }, signal);
    return received({ ...counts, woken: true });
  } catch (error) {
    // The hint is stored: the schedule serves it.
    return { ...received({ ...counts, woken: false, ...describe(error) }), level: 'warn' };
  }
}

function createParts() {
  const settings = parseSettings(WEBHOOK_SETTINGS, process.env);
  const database = createDatabase({
    url: settings.WEBHOOK_DATABASE_URL,
    tls: joinMutualTls(settings.DATA_PLANE_CA, settings.WEBHOOK_CLIENT_IDENTITY),
    // A container has one request at a time. A second connection could only be a second dead one.
    maxConnections: 1,
    connectTimeoutMs: STORE_TIMEOUT_MS,
    statementTimeoutMs: STORE_TIMEOUT_MS,
    answerTimeoutMs: STORE_TIMEOUT_MS,
  });
  const functionsHost = createFunctionsHost({
    apiHost: settings.DO_API_HOST,
    namespace: settings.DO_NAMESPACE,
    key: settings.DO_FUNCTIONS_KEY,
    timeoutMs: WAKE_TIMEOUT_MS,
  });
  return { clientStates: settings.GRAPH_CLIENT_STATE, database, functionsHost };
}

function received(fields: LogFields): Outcome {
  return { statusCode: 202, body: '', level: 'info', event: 'notifications_received', fields };
}

/** The token is a stranger's text: plain, and never taken for anything else. */
function validated(token: string): Outcome {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' };
  return { statusCode: 200, headers, body: token, level: 'info', event: 'validation_answered' };
}

function refused(statusCode: number): Outcome {
  return { statusCode, body: '', level: 'info', event: 'request_refused' };
}

function unavailable(error: unknown, counts: LogFields = {}): Outcome {
  const headers = { 'retry-after': String(RETRY_AFTER_SECONDS) };
  const fields = { ...counts, ...describe(error) };
  return { statusCode: 503, headers, body: '', level: 'error', event: 'notifications_not_stored', fields };
}

function describe(error: unknown): LogFields {
  const code = isControlError(error) ? error.code : 'UNEXPECTED';
  return { code, message: error instanceof Error ? error.message : String(error) };
}
