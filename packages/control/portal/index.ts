// control/portal: on the web behind the public site, the pages for people. Everything is decided in lib/portal; this
// turns the platform's event into a request and back.

import { randomBytes } from 'node:crypto';
import policyValue from 'virtual:policy';
import { systemClock } from '../../../lib/clock.ts';
import { PORTAL_SETTINGS, parseSettings } from '../../../lib/config.ts';
import { isControlError } from '../../../lib/errors.ts';
import { createLog } from '../../../lib/log.ts';
import { joinMutualTls } from '../../../lib/mutual-tls.ts';
import { createFunctionsHost } from '../../../lib/platform/functions-host.ts';
import { parsePolicy } from '../../../lib/policy/schema.ts';
import { readRequest, renderAnswer, type WebAnswer } from '../../../lib/portal/adapter.ts';
import { createPortal } from '../../../lib/portal/app.ts';
import { addHeldRoutes, heldSection } from '../../../lib/portal/held-routes.ts';
import { CALLBACK } from '../../../lib/portal/return-to.ts';
import { createSignIn } from '../../../lib/portal/sign-in.ts';
import { createDatabase } from '../../../lib/store/database.ts';

type Context = { readonly activationId: string };

const STORE_TIMEOUT_MS = 5_000;
const WAKE_TIMEOUT_MS = 3_000;

/** Kept by warm invocations: Microsoft's signing keys are read once. */
let shared: ReturnType<typeof createParts> | undefined;

export async function main(event: unknown, context: Context): Promise<WebAnswer> {
  const log = createLog({ function: 'control/portal', activationId: context.activationId });
  try {
    shared ??= createParts();
    const request = readRequest(event, shared.publicBaseUrl);
    if (request === undefined) return plain(400, 'This request was not understood.');
    return await renderAnswer(await shared.app.fetch(request, { log }));
  } catch (error) {
    // Before there is a page to say it on: most likely a setting.
    const code = isControlError(error) ? error.code : 'UNEXPECTED';
    log.error('portal_failed', { code, message: error instanceof Error ? error.message : String(error) });
    return plain(500, 'The portal is not set up correctly; its log says what is missing.');
  }
}

function createParts() {
  const settings = parseSettings(PORTAL_SETTINGS, process.env);
  const { PUBLIC_BASE_URL: publicBaseUrl, AZURE_TENANT_ID: tenantId } = settings;
  const signIn = createSignIn({
    authorityHost: settings.AZURE_AUTHORITY_HOST,
    tenantId,
    clientId: settings.PORTAL_CLIENT_ID,
    clientSecret: settings.PORTAL_CLIENT_SECRET,
    redirectUri: `${publicBaseUrl}${CALLBACK}`,
    clock: systemClock,
  });
  const functionsHost = createFunctionsHost({
    apiHost: settings.DO_API_HOST,
    namespace: settings.DO_NAMESPACE,
    key: settings.DO_FUNCTIONS_KEY,
    timeoutMs: WAKE_TIMEOUT_MS,
  });
  const held = {
    database: createDatabase({
      url: settings.PORTAL_DATABASE_URL,
      tls: joinMutualTls(settings.DATA_PLANE_CA, settings.PORTAL_CLIENT_IDENTITY),
      maxConnections: 2,
      connectTimeoutMs: STORE_TIMEOUT_MS,
      statementTimeoutMs: STORE_TIMEOUT_MS,
      answerTimeoutMs: STORE_TIMEOUT_MS,
    }),
    clock: systemClock,
    linkKey: settings.APPROVAL_LINK_KEY,
    rejectionDays: parsePolicy(policyValue).quarantine.rejection_days,
    wakeSync: async () => {
      const signal = AbortSignal.timeout(WAKE_TIMEOUT_MS);
      await functionsHost.invoke('control/sync', { trigger: 'portal' }, signal);
    },
  };
  const app = createPortal({
    routes: [addHeldRoutes(held)],
    homeSections: [heldSection(held)],
    publicBaseUrl,
    tenantId,
    sessionKey: settings.PORTAL_SESSION_KEY,
    signIn,
    clock: systemClock,
    randomText: () => randomBytes(32).toString('base64url'),
  });
  return { publicBaseUrl, app };
}

function plain(statusCode: number, body: string): WebAnswer {
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  };
  return { statusCode, headers, body };
}
