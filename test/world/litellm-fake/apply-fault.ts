// Makes one stated fault happen around the handling of one request.

import { once } from 'node:events';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { systemClock } from '../../../lib/clock.ts';
import type { Fault } from './faults.ts';
import type { FakeState } from './state.ts';

type FakeContext = Context<{ Bindings: HttpBindings }>;

/** Runs `next`, the real handling, before, after or not at all, as the fault says. */
export async function applyFault(
  fault: Fault | undefined,
  context: FakeContext,
  next: () => Promise<void>,
  state: FakeState,
): Promise<void> {
  switch (fault?.kind) {
    case undefined:
      return next();
    case 'fail':
      context.res = createFailure(fault.status, fault.retryAfterSeconds);
      return;
    case 'fail-after-write':
      await next();
      context.res = createFailure(fault.status);
      return;
    case 'hang-after-write':
      await next();
      await once(context.env.outgoing, 'close');
      return;
    case 'reset':
      context.env.incoming.socket.destroy();
      return;
    case 'reset-after-write':
      await next();
      context.env.incoming.socket.destroy();
      return;
    case 'slow':
      await systemClock.sleep(fault.durationMs);
      return next();
    case 'cut-page':
      await next();
      context.res = await cutPage(context.res, fault.rowCount);
      return;
    case 'wrong-answer':
      await next();
      context.res = Response.json(fault.body);
      return;
    case 'lose-member-add':
      return loseMemberAdd(context, next, state);
  }
}

function createFailure(status: number, retryAfterSeconds?: number): Response {
  const error = {
    message: 'A fault of the fake.',
    type: 'internal_server_error',
    param: null,
    code: String(status),
  };
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  return Response.json({ error }, { status, headers });
}

async function cutPage(response: Response, rowCount: number): Promise<Response> {
  const body = (await response.json()) as Record<string, unknown>;
  const cut = Object.entries(body).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.slice(0, Math.max(0, value.length - rowCount)) : value,
  ]);
  return Response.json(Object.fromEntries(cut));
}

async function loseMemberAdd(
  context: FakeContext,
  next: () => Promise<void>,
  state: FakeState,
): Promise<void> {
  const { team_id: teamId } = await context.req.json();
  const before = [...(state.teams.get(teamId)?.members_with_roles ?? [])];
  await next();
  const team = state.teams.get(teamId);
  if (team !== undefined) team.members_with_roles = before;
}
