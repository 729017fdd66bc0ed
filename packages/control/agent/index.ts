// control/agent: on the web, for the agent on the droplet, each minute. A report that the agent signed, for us and not
// longer than two minutes ago, is stored once and answered 202. Whoever cannot sign learns nothing: 401, whatever is
// wrong. What cannot be stored is answered 503, and the agent comes again with a newer report.

import * as z from 'zod';
import { systemClock } from '../../../lib/clock.ts';
import { AGENT_SETTINGS, parseSettings } from '../../../lib/config.ts';
import { isControlError } from '../../../lib/errors.ts';
import { MOST_TOKEN_BYTES } from '../../../lib/health/report.ts';
import { verifyReport } from '../../../lib/health/report-token.ts';
import { createLog, type LogFields } from '../../../lib/log.ts';
import { joinMutualTls } from '../../../lib/mutual-tls.ts';
import { createDatabase } from '../../../lib/store/database.ts';
import { recordHealth } from '../../../lib/store/health.ts';
import { webAddressOf } from '../../../lib/web-address.ts';

type Context = { readonly activationId: string };
type Outcome = {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly level: 'info' | 'warn' | 'error';
  readonly event: string;
  readonly fields?: LogFields;
};

/** The agent waits ten seconds; one dead connection and one new one fit into that. */
const STORE_TIMEOUT_MS = 3_000;
const RETRY_AFTER_SECONDS = 30;

const eventSchema = z.object({
  http: z.object({
    method: z.string().toUpperCase(),
    path: z.string(),
    body: z.string().default(''),
    isBase64Encoded: z.boolean().default(false),
  }),
});

/** Kept by warm invocations. */
let shared: ReturnType<typeof createParts> | undefined;

export async function main(event: unknown, context: Context) {
  const { level, event: name, fields, ...answer } = await receive(event).catch(unavailable);
  const log = createLog({ function: 'control/agent', activationId: context.activationId });
  log[level](name, { ...fields, statusCode: answer.statusCode });
  return { ...answer, body: '' };
}

async function receive(event: unknown): Promise<Outcome> {
  const request = eventSchema.safeParse(event).data?.http;
  if (request === undefined || request.path !== '') return refused(404, 'path');
  if (request.method !== 'POST') return { ...refused(405, 'method'), headers: { allow: 'POST' } };
  if (request.body.length > MOST_TOKEN_BYTES * (request.isBase64Encoded ? 4 / 3 : 1))
    return refused(413, 'size');
  const token = request.isBase64Encoded ? Buffer.from(request.body, 'base64').toString() : request.body;

  shared ??= createParts();
  const { database, publicKeys, audience } = shared;
  const verdict = await verifyReport(token, { publicKeys, audience, now: systemClock.now() });
  if (verdict.status === 'refused') return refused(401, verdict.check);
  if (verdict.status === 'malformed') return { ...refused(400, verdict.check), level: 'error' };
  const { dropletId, jti, expiresAt, report } = verdict;
  const health = { dropletId, jti, expiresAt, takenAt: new Date(report.takenAt), report };
  const recorded = await recordHealth(database, health);
  if (recorded === 'replayed' || recorded === 'full') return { ...refused(401, recorded), level: 'warn' };
  return { statusCode: 202, level: 'info', event: 'report_received', fields: { dropletId, recorded } };
}

function createParts() {
  const settings = parseSettings(AGENT_SETTINGS, process.env);
  const database = createDatabase({
    url: settings.AGENT_DATABASE_URL,
    tls: joinMutualTls(settings.DATA_PLANE_CA, settings.AGENT_CLIENT_IDENTITY),
    // A container has one request at a time.
    maxConnections: 1,
    connectTimeoutMs: STORE_TIMEOUT_MS,
    statementTimeoutMs: STORE_TIMEOUT_MS,
    answerTimeoutMs: STORE_TIMEOUT_MS,
  });
  const audience = webAddressOf(settings, 'control/agent');
  return { database, publicKeys: settings.AGENT_PUBLIC_KEY, audience };
}

function refused(statusCode: number, check: string): Outcome {
  return { statusCode, level: 'info', event: 'report_refused', fields: { check } };
}

function unavailable(error: unknown): Outcome {
  const code = isControlError(error) ? error.code : 'UNEXPECTED';
  const fields = { code, message: error instanceof Error ? error.message : String(error) };
  const headers = { 'retry-after': String(RETRY_AFTER_SECONDS) };
  return { statusCode: 503, headers, level: 'error', event: 'report_not_stored', fields };
}
