// What a fault does to an answer of Graph that would have been right.

import type { Fault } from './faults.ts';
import { hideFields } from './graph-fields.ts';
import type { Reply } from './reply.ts';

/** A reply that may know how it would read under faults that need more than its text to be changed. */
export type SpoilableReply = Reply & { readonly underFaults?: (faults: readonly Fault[]) => Reply };

type Failure = { readonly status: number; readonly retryAfterSeconds?: number | undefined };

/** What to answer in place of the right thing, if a fault asks for it. */
export function findFailure(faults: readonly Fault[]): Failure | undefined {
  return faults.find((fault) => fault.kind === 'status' || fault.kind === 'batch-item-status');
}

/** `reply` as it is under the faults; `address` is the whole address that was asked for. */
export function spoilReply(
  { underFaults, ...plain }: SpoilableReply,
  faults: readonly Fault[],
  address: string,
): Reply {
  const reply = faults.length > 0 && underFaults ? underFaults(faults) : plain;
  return { ...reply, body: faults.reduce((body, fault) => spoilBody(body, fault, address), reply.body) };
}

function spoilBody(body: unknown, fault: Fault, address: string): unknown {
  if (!isRecord(body)) return body;
  const { '@odata.nextLink': nextLink, ...rest } = body;
  switch (fault.kind) {
    case 'missing-next-link':
      return rest;
    case 'foreign-next-link':
      return typeof nextLink === 'string'
        ? { ...body, '@odata.nextLink': nextLink.replace(new URL(nextLink).origin, fault.origin) }
        : body;
    case 'circular-next-link':
      return Array.isArray(body.value) ? { ...body, '@odata.nextLink': address } : body;
    case 'null-members':
      return mapList(body, 'value', (items) =>
        items.map((item) => hideFields({ ...item, '@odata.type': '#microsoft.graph.user' })),
      );
    case 'duplicate-members':
      return mapList(body, 'value', (items) => [...items, ...items]);
    case 'reversed-batch':
      return mapList(body, 'responses', (items) => items.reverse());
    case 'lost-batch-item':
      return mapList(body, 'responses', (items) => items.slice(1));
    default:
      return body;
  }
}

type Item = Record<string, unknown>;

function mapList(body: Item, name: string, change: (items: Item[]) => Item[]): Item {
  const list = body[name];
  return Array.isArray(list) ? { ...body, [name]: change(list.filter(isRecord)) } : body;
}

function isRecord(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
