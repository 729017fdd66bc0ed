// A tenant, a subscriber, and Graph asked as the product asks it, for tests of subscriptions and their delivery.

import tls from 'node:tls';
import { systemClock } from '../../../lib/clock.ts';
import { APPLICATION, fetchToken } from '../../directory/tenant-fixture.ts';
import { startReceiver } from './delivery-receiver.ts';
import { startTenant, type TenantOptions } from './tenant.ts';

const HOUR_MS = 3_600_000;
const DEFAULT_CERTIFICATES = tls.getCACertificates('default');

export type SubscribedWorld = Awaited<ReturnType<typeof startSubscribedWorld>>;

/** Starts both; retries come at once. */
export async function startSubscribedWorld(options: Partial<TenantOptions> = {}) {
  const receiver = await startReceiver();
  const tenant = await startTenant({
    ...APPLICATION,
    allowsHttpTargets: true,
    delivery: { retryBaseMs: 1 },
    ...options,
  });
  // One tenant after the other is trusted, never two: their authorities have the same name, and only the first of
  // that name would be tried.
  tls.setDefaultCACertificates([...DEFAULT_CERTIFICATES, tenant.caPem]);
  const token = await fetchToken(tenant);
  let closing: Promise<void> | undefined;
  const { now } = options.clock ?? systemClock;

  async function graph(method: string, path: string, content?: unknown) {
    const response = await fetch(`${tenant.graphUrl}/v1.0/${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}` },
      ...(content === undefined ? {} : { body: JSON.stringify(content) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }

  const request = (values: Readonly<Record<string, unknown>> = {}) => ({
    changeType: 'updated,deleted',
    resource: 'groups',
    notificationUrl: `${receiver.url}/notify`,
    lifecycleNotificationUrl: `${receiver.url}/lifecycle`,
    clientState: 'the-client-state',
    expirationDateTime: inHours(24),
    ...values,
  });
  const inHours = (hours: number) => new Date(now().getTime() + hours * HOUR_MS).toISOString();

  return {
    receiver,
    tenant,
    graph,
    inHours,
    /** A good request for a subscription, with `values` in place. */
    request,
    /** POST /subscriptions. */
    post: (values?: Readonly<Record<string, unknown>>) => graph('POST', 'subscriptions', request(values)),
    /** Makes a subscription that must succeed. @returns its id */
    async subscribe(values?: Readonly<Record<string, unknown>>): Promise<string> {
      const { status, body } = await graph('POST', 'subscriptions', request(values));
      if (status !== 201) throw new Error(`The subscription was refused: ${status} ${body.error.code}.`);
      return body.id;
    },
    /** Ends both; a repeat waits for the same end. */
    close(): Promise<void> {
      closing ??= tenant.close().then(receiver.close);
      return closing;
    },
  };
}
