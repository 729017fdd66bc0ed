// What `lcp doctor` makes of settings, of LiteLLM and of Teams: right ones, and wrong ones.

import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Check, runAreas } from '../../../lib/cli/doctor/check.ts';
import { settingsChecks } from '../../../lib/cli/doctor/settings.ts';
import { teamsChecks } from '../../../lib/cli/doctor/teams.ts';
import { systemClock } from '../../../lib/clock.ts';
import { readGatewaySettings } from '../../../lib/gateway/settings.ts';
import { createTransport } from '../../../lib/gateway/transport.ts';
import { Secret } from '../../../lib/secret.ts';
import { findFreePort } from '../../world/port.ts';
import {
  createPrivateAuthority,
  EXPIRED,
  type PrivateAuthority,
  toOneLine,
} from '../../world/private-authority.ts';

const LIMIT_MS = 10_000;
const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const assumed: Check = { id: 'settings-lcp', what: '', why: '', run: () => ({ status: 'well' }) };

async function findOne(checks: readonly Check[], id: string) {
  const chosen = checks.filter((check) => check.id === id);
  const [report] = await runAreas([{ title: '', checks: [assumed, ...chosen] }], LIMIT_MS);
  return report?.results[1]?.finding;
}

describe('client identities', () => {
  let authority: PrivateAuthority;

  beforeAll(async () => {
    authority = await createPrivateAuthority();
  });

  const issue = async (from: PrivateAuthority, name: string, validity = {}) => {
    const { certPem, keyPem } = await from.issueClient(name, validity);
    return toOneLine(certPem, keyPem);
  };
  const look = (identities: Record<string, string>) => {
    const variables = { DATA_PLANE_CA: toOneLine(authority.caPem), ...identities };
    return findOne(settingsChecks({ variables, clock: systemClock }, 'policy.yml'), 'identities');
  };

  test('of our authority, with the right name and time to go are well', async () => {
    const found = await look({
      OPERATOR_CLIENT_IDENTITY: await issue(authority, 'operator'),
      SYNC_CLIENT_IDENTITY: await issue(authority, 'control-sync'),
      PORTAL_CLIENT_IDENTITY: 'none',
    });

    expect(found).toMatchObject({
      status: 'well',
      note: expect.stringMatching(/^2, the first ends in 36[45] days$/),
    });
  });

  test('that are wrong are all named, each with its reason', async () => {
    const now = systemClock.now().getTime();
    const soon = { notAfterDate: new Date(now + 10.5 * 24 * 3_600_000) };
    const found = await look({
      OPERATOR_CLIENT_IDENTITY: await issue(authority, 'operator', EXPIRED),
      SYNC_CLIENT_IDENTITY: await issue(await createPrivateAuthority('Another'), 'control-sync'),
      WEBHOOK_CLIENT_IDENTITY: await issue(authority, 'control-sync'),
      PORTAL_CLIENT_IDENTITY: await issue(authority, 'control-portal', soon),
    });

    expect(found).toMatchObject({ status: 'failed' });
    const problems = (found?.status === 'failed' ? found.problem : '').split('\n');
    expect(problems).toHaveLength(4);
    expect(problems[0]).toMatch(/^OPERATOR_CLIENT_IDENTITY ended \d+ days ago\.$/);
    expect(problems[1]).toBe('SYNC_CLIENT_IDENTITY is not signed by DATA_PLANE_CA.');
    expect(problems[2]).toBe('WEBHOOK_CLIENT_IDENTITY names CN=control-sync, not CN=control-webhook.');
    expect(problems[3]).toBe('PORTAL_CLIENT_IDENTITY ends in 10 days.');
  });

  test('are not looked at without an authority', async () => {
    expect(await look({ DATA_PLANE_CA: 'none' })).toMatchObject({ status: 'not-checked' });
  });
});

describe('Teams', () => {
  async function startFlow(status: number): Promise<{ url: string; posted: string[] }> {
    const posted: string[] = [];
    const server = createServer(async (request: IncomingMessage, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      posted.push(body);
      response.writeHead(status).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ends.push(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/flow?sig=secret`, posted };
  }
  const look = (url: string | undefined, isSending = false) =>
    findOne(
      teamsChecks(() => (url && new Secret(url)) || undefined, systemClock, { isSending }),
      'teams',
    );

  test('is sent nothing unless asked to', async () => {
    const { url, posted } = await startFlow(202);

    expect(await look(url)).toMatchObject({ status: 'well' });
    expect(posted).toEqual([]);
  });

  test('takes a test card, and the report says that this proves nothing', async () => {
    const { url, posted } = await startFlow(202);

    const found = await look(url, true);

    expect(found).toMatchObject({ status: 'well', note: expect.stringContaining('proves nothing') });
    expect(posted).toHaveLength(1);
    expect(JSON.parse(posted[0] ?? '').attachments[0].content).toMatchObject({
      type: 'AdaptiveCard',
      version: '1.5',
    });
  });

  test('that refuses, is away or was retired fails without a word of its URL', async () => {
    const refusing = await startFlow(404);
    const away = `http://127.0.0.1:${await findFreePort()}/flow?sig=secret`;
    const retired = 'https://example.webhook.office.com/webhookb2/secret';
    const found = [
      await look(refusing.url, true),
      await look(away),
      await look(away, true),
      await look(retired),
    ];

    expect(found.map((finding) => finding?.status)).toEqual(['failed', 'failed', 'failed', 'failed']);
    expect(JSON.stringify(found)).not.toContain('secret');
  });

  test('is not looked at where nobody is told', async () => {
    expect(await look(undefined)).toMatchObject({ status: 'not-checked' });
  });
});

describe('the settings of LiteLLM', () => {
  async function read(general: unknown, details: unknown) {
    const server = createServer(({ url = '' }, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(url.startsWith('/config/list') ? general : details));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ends.push(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    const transport = createTransport({
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      adminKey: new Secret('sk-1'),
      clock: systemClock,
      timeoutMs: LIMIT_MS,
      maxConcurrency: 2,
    });
    return readGatewaySettings(transport, new AbortController().signal);
  }
  const field = (field_name: string, field_value: unknown) => ({ field_name, field_value });

  test('are read where they are set', async () => {
    const general = [
      field('store_prompts_in_spend_logs', true),
      field('maximum_spend_logs_retention_period', '90d'),
    ];

    expect(await read(general, { is_detailed_debug: true, cache: { type: 'redis' } })).toEqual({
      keepsPrompts: true,
      requestLogRetention: '90d',
      isDebugLog: true,
      cacheType: 'redis',
    });
  });

  test('of a version that does not tell are unknown, not well', async () => {
    expect(await read([field('other', 1)], {})).toMatchObject({ keepsPrompts: null });
  });
});
