// A simulated company whose Graph is asked without a network, and what its answers hold.

import { expect } from 'vitest';
import { systemClock } from '../../../lib/clock.ts';
import { USER_FIELDS } from '../../../lib/directory/members.ts';
import { spoilReply } from './fault-effects.ts';
import type { Fault } from './faults.ts';
import { answerGraph, type GraphWorld, type Permission } from './graph.ts';
import type { Reply } from './reply.ts';
import { COMPANY_GROUP_IDS, seedCompany, seedUserId } from './seed.ts';
import { createTenantState } from './state.ts';

export type Item = Readonly<Record<string, unknown>> & { readonly id: string };
export type Body = Readonly<Record<string, unknown>> & { readonly value: readonly Item[] };

export const {
  engineering: ENGINEERING,
  platform: PLATFORM,
  devops: DEVOPS,
  admins: ADMINS,
  everyone: EVERYONE,
} = COMPANY_GROUP_IDS;
export const [ANN, BEN, CEM] = [seedUserId(1), seedUserId(2), seedUserId(3)];
export const GROUPS = '/groups/delta?$select=id,displayName,members';
export const USERS = `/users/delta?$select=${USER_FIELDS}`;
export const LATEST = '&$deltatoken=latest';
export const DAY_MS = 24 * 60 * 60 * 1000;
const GRAPH_URL = 'https://graph.example';

/** Members as a delta names them. */
export const user = (id: string) => ({ '@odata.type': '#microsoft.graph.user', id });
export const removed = (id: string) => ({ ...user(id), '@removed': { reason: 'deleted' } });

export type Company = ReturnType<typeof createCompany>;

/** A company whose Graph is asked without a network, with a clock that moves by hand. */
export function createCompany(pageSize = 100) {
  let aheadMs = 0;
  const now = () => new Date(Date.UTC(2026, 0, 1) + aheadMs);
  const tenant = createTenantState(seedCompany(), now);
  const permissions = new Set<Permission>(['GroupMember.Read.All', 'User.Read.All']);
  const clock = { ...systemClock, now };
  const world: GraphWorld = { tenant, graphUrl: GRAPH_URL, pageSize, permissions, clock };

  function ask(path: string, { faults = [] as readonly Fault[], content = undefined as unknown } = {}) {
    const url = new URL(path.startsWith('/') ? `${GRAPH_URL}/v1.0${path}` : path);
    const call = { method: content === undefined ? 'GET' : 'POST', url, headers: {}, content };
    return spoilReply(answerGraph(world, call), faults, url.href);
  }

  /** All pages from `start` on; the faults strike the first. */
  function follow(start: string, ...faults: Fault[]) {
    const pages: (readonly Item[])[] = [];
    let body = bodyOf(ask(start, { faults }));
    for (;;) {
      pages.push(body.value);
      const nextLink = body['@odata.nextLink'];
      if (typeof nextLink !== 'string') break;
      body = bodyOf(ask(nextLink));
    }
    return { pages, items: pages.flat(), link: String(body['@odata.deltaLink']) };
  }

  const advance = (ms: number) => {
    aheadMs += ms;
  };
  return { tenant, world, permissions, ask, follow, advance };
}

/** What a reply that must be 200 says. */
export function bodyOf(reply: Reply): Body {
  expect(reply.status).toBe(200);
  return reply.body as Body;
}

export const codeOf = ({ status, body }: Reply) => [status, (body as { error: { code: string } }).error.code];

export function membersOf(items: readonly Item[]): Item[] {
  return items.flatMap((item) => (item['members@delta'] ?? []) as Item[]);
}

/** Ids of members by group, in the order they came. */
export function membersByGroup(items: readonly Item[]): Map<string, string[]> {
  const groups = [...Map.groupBy(items, ({ id }) => id)];
  return new Map(groups.map(([id, ofGroup]) => [id, membersOf(ofGroup).map((member) => member.id)]));
}
