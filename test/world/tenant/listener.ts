// From the wire to an answer and back: routes a request to Entra, Graph or the control panel, and lets the
// faults strike on the way.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Clock } from '../../../lib/clock.ts';
import { answerControl, CONTROL_HEADER } from './control.ts';
import type { Deliveries } from './delivery.ts';
import { findFailure, spoilReply } from './fault-effects.ts';
import type { Fault, Faults } from './faults.ts';
import { answerGraph, type GraphWorld } from './graph.ts';
import { answerBatch } from './graph-batch.ts';
import { entraError, entraFailure, failureReply, graphError, notSimulated, type Reply } from './reply.ts';
import type { Requests } from './requests.ts';
import { isEqual } from './secret-equality.ts';
import type { SignIn } from './sign-in.ts';
import { answerSubscriptions, isSubscriptionsPath, type SubscriptionRules } from './subscriptions-graph.ts';
import type { SubscriptionsPanel } from './subscriptions-panel.ts';
import type { UserSignIn } from './user-sign-in.ts';

export type TenantParts = {
  readonly world: GraphWorld;
  readonly faults: Faults;
  readonly requests: Requests;
  readonly signIn: SignIn;
  readonly userSignIn: UserSignIn;
  readonly tenantId: string;
  readonly controlToken: string;
  readonly clock: Clock;
  readonly subscriptionRules: SubscriptionRules;
  readonly subscriptions: SubscriptionsPanel;
  readonly deliveries: Deliveries;
};

type Outcome = { readonly reply: Reply; readonly wireFaults: readonly Fault[] };

/** Answers every request; an error of its own is a 500 with its text, for whoever extends the tenant. */
export function createListener(parts: TenantParts): RequestListener {
  return (request, response) => {
    answer(parts, request, response).catch((error: unknown) => {
      if (!response.headersSent) write(response, graphError(500, 'TenantError', String(error)), []);
    });
  };
}

async function answer(parts: TenantParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', parts.world.graphUrl);
  const method = request.method ?? 'GET';
  const text = await readText(request);
  if (url.pathname.startsWith('/control/')) {
    write(response, control(parts, request, { method, url, content: parseJson(text) }), []);
    return;
  }
  const path = url.pathname + url.search;
  const struck = parts.faults.strike({ method, path, isBatchItem: false });
  const outcome = await serve(parts, request, { method, url, text }, struck);
  parts.requests.record({ method, path, status: outcome.reply.status, isBatchItem: false });
  for (const fault of outcome.wireFaults) {
    if (fault.kind === 'slow') await parts.clock.sleep(fault.delayMs);
  }
  if (outcome.wireFaults.some((fault) => fault.kind === 'reset')) {
    request.socket.destroy();
    return;
  }
  write(response, outcome.reply, outcome.wireFaults);
}

type Asked = { readonly method: string; readonly url: URL; readonly text: string };

async function serve(
  parts: TenantParts,
  request: IncomingMessage,
  asked: Asked,
  struck: readonly Fault[],
): Promise<Outcome> {
  const failure = findFailure(struck);
  if (failure) {
    const isGraph = asked.url.pathname.startsWith('/v1.0/');
    const reply = (isGraph ? failureReply : entraFailure)(failure.status, failure.retryAfterSeconds);
    return { reply, wireFaults: struck };
  }
  if (!asked.url.pathname.startsWith('/v1.0/')) {
    return { reply: await serveEntra(parts, asked), wireFaults: struck };
  }
  if (!(await parts.signIn.isAuthorised(request.headers.authorization))) {
    const message = 'Access token is empty, malformed, expired or for another resource.';
    return { reply: graphError(401, 'InvalidAuthenticationToken', message), wireFaults: struck };
  }
  const { method, url } = asked;
  if (method === 'POST' && url.pathname === '/v1.0/$batch') {
    const batch = answerBatch(parts.world, parseJson(asked.text), parts.faults, parts.requests);
    return { reply: spoilReply(batch.reply, struck, url.href), wireFaults: [...struck, ...batch.wireFaults] };
  }
  const headers = { consistencylevel: request.headers.consistencylevel?.toString() };
  const call = { method, url, headers, content: parseJson(asked.text) };
  const reply = isSubscriptionsPath(url.pathname)
    ? await answerSubscriptions(parts.subscriptionRules, parts.world, call)
    : answerGraph(parts.world, call);
  return { reply: spoilReply(reply, struck, url.href), wireFaults: struck };
}

async function serveEntra(
  { signIn, userSignIn, tenantId }: TenantParts,
  { method, url, text }: Asked,
): Promise<Reply> {
  const [, tenant, ...rest] = url.pathname.split('/');
  if (tenant !== tenantId) return entraError(400, 'invalid_tenant', 90002, `Tenant '${tenant}' not found.`);
  switch (`${method} ${rest.join('/')}`) {
    case 'GET v2.0/.well-known/openid-configuration':
      return signIn.metadata();
    case 'GET discovery/v2.0/keys':
      return signIn.keys();
    case 'GET oauth2/v2.0/authorize':
      return userSignIn.authorize(url);
    case 'GET oauth2/v2.0/logout':
      return userSignIn.signOut();
    case 'POST oauth2/v2.0/token': {
      const form = new URLSearchParams(text);
      const isPerson = form.get('grant_type') === 'authorization_code';
      return isPerson ? userSignIn.redeem(form) : signIn.issueToken(form);
    }
    default:
      return notSimulated(`${method} ${url.pathname}`);
  }
}

function control(
  parts: TenantParts,
  request: IncomingMessage,
  call: Parameters<typeof answerControl>[1],
): Reply {
  if (!isEqual(String(request.headers[CONTROL_HEADER] ?? ''), parts.controlToken)) {
    return { status: 401, headers: {}, body: { error: `The header ${CONTROL_HEADER} is missing or wrong.` } };
  }
  const { tenant, permissions } = parts.world;
  return answerControl({ ...parts, tenant, permissions }, call);
}

function write(response: ServerResponse, reply: Reply, faults: readonly Fault[]): void {
  if (reply.body === undefined) {
    response.writeHead(reply.status, reply.headers).end();
    return;
  }
  const isPage = reply.headers['Content-Type']?.startsWith('text/html') ?? false;
  const whole = isPage ? String(reply.body) : JSON.stringify(reply.body);
  const isCut = faults.some((fault) => fault.kind === 'truncated-page');
  const text = isCut ? whole.slice(0, Math.floor(whole.length / 2)) : whole;
  response.writeHead(reply.status, { 'Content-Type': 'application/json; charset=utf-8', ...reply.headers });
  response.end(text);
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
