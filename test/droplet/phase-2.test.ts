// Two droplets behind a load balancer: what the override leaves of the stack as compose resolves it, and that the
// settings of load balancer, firewall and nginx fit one another.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { renderImagesLock } from './cluster.ts';
import { DROPLET } from './paths.ts';
import { resolveStack, type Stack } from './stack-model.ts';

const PHASE_2 = join(DROPLET, 'scale', 'phase-2');
const read = (...path: string[]) => readFileSync(join(PHASE_2, ...path), 'utf8');

const folder = makeThrowAwayFolder();
afterAll(() => folder.remove());

describe('the stack', () => {
  let alone: Stack;
  let shared: Stack;

  beforeAll(() => {
    const files = [join(DROPLET, 'compose.yml'), join(PHASE_2, 'compose.yml')];
    alone = resolveStack(folder.path, renderImagesLock());
    shared = resolveStack(folder.path, renderImagesLock(), files);
  }, 300_000);

  test('is that of one droplet without its own databases', () => {
    const names = (stack: Stack) => Object.keys(stack.services).sort();

    expect(names(alone).filter((name) => !names(shared).includes(name))).toEqual(['postgres', 'valkey']);
    expect(names(shared).filter((name) => !names(alone).includes(name))).toEqual([]);
    expect(Object.keys(shared.networks).sort()).toEqual(['download', 'edge', 'model']);
  });

  test('is nginx alone where only the way to PostgreSQL is left, beside a cluster', () => {
    const files = ['compose.yml', 'scale/phase-2/compose.yml', 'scale/phase-3/gateway.compose.yml'];
    const gateway = resolveStack(
      folder.path,
      renderImagesLock(),
      files.map((file) => join(DROPLET, file)),
    );

    expect([Object.keys(gateway.services), Object.keys(gateway.networks)]).toEqual([['nginx'], ['edge']]);
  });

  test('waits for nobody who is not there, and reaches the managed databases over the way out', () => {
    const { litellm, 'litellm-migrate': migrate, nginx } = shared.services;

    expect(Object.keys(litellm?.depends_on ?? {})).toEqual(['litellm-migrate']);
    expect(migrate?.depends_on ?? {}).toEqual({});
    expect(Object.keys(litellm?.networks ?? {}).sort()).toEqual(['edge', 'model']);
    expect(Object.keys(migrate?.networks ?? {})).toEqual(['edge']);
    expect(Object.keys(nginx?.networks ?? {})).toEqual(['edge']);
  });

  test('shares its state over TLS, and ends no answer that is under way', () => {
    const { environment, stop_grace_period } = shared.services.litellm ?? {};

    expect(environment).toMatchObject({ REDIS_SSL: 'True', GRACEFUL_SHUTDOWN_TIMEOUT: '600' });
    expect(stop_grace_period).toBe('10m30s');
  });

  test('keeps every privilege dropped and every root read-only', () => {
    const hard = (stack: Stack) =>
      Object.entries(stack.services).map(([name, { read_only, cap_drop, cap_add }]) => [
        name,
        { read_only, cap_drop, cap_add },
      ]);

    expect(hard(shared)).toEqual(hard(alone).filter(([name]) => name !== 'postgres' && name !== 'valkey'));
  });
});

describe('the load balancer', () => {
  const loadBalancer = JSON.parse(read('digitalocean', 'load-balancer.json'));
  const site = Object.fromEntries(
    read('site.env')
      .split('\n')
      .filter((line) => /^[A-Z]/.test(line))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

  test('opens nothing and ends no TLS', () => {
    expect(loadBalancer.forwarding_rules).toEqual(
      [443, 80].map((port) => ({
        entry_protocol: 'tcp',
        entry_port: port,
        target_protocol: 'tcp',
        target_port: port,
      })),
    );
  });

  test('says who the client is where nginx expects it, and nginx believes it from the VPC alone', () => {
    expect(loadBalancer.enable_proxy_protocol).toBe(true);
    expect([site.HTTP_LISTEN, site.HTTPS_LISTEN]).toEqual(['80 proxy_protocol', '443 proxy_protocol']);
    expect(site.LOAD_BALANCER_RANGE).toMatch(/^10\./);
  });

  test('asks LiteLLM, not only nginx, whether a droplet is ready', () => {
    const { path, port, protocol } = loadBalancer.health_check;
    const page = readFileSync(join(DROPLET, 'nginx', 'sites', 'port-80.conf'), 'utf8');

    expect([protocol, port]).toEqual(['http', 80]);
    expect(page).toContain(`location = ${path} {`);
    expect(page).toContain('rewrite ^ /health/readiness break;');
  });

  test('is the only one that reaches 80 and 443', () => {
    const { inbound_rules, tags } = JSON.parse(read('digitalocean', 'firewall.json'));

    expect(tags).toEqual([loadBalancer.tag]);
    expect(
      inbound_rules.map((rule: { ports: string; sources: object }) => [
        rule.ports,
        Object.keys(rule.sources),
      ]),
    ).toEqual([
      ['22', ['addresses']],
      ['80', ['load_balancer_uids']],
      ['443', ['load_balancer_uids']],
    ]);
  });

  test('leads to an nginx whose names are all known', () => {
    const settings = join(folder.path, 'site.env');
    writeFileSync(settings, `PUBLIC_HOST=llm.example.com\n${read('site.env')}`);
    const target = mkdtempSync(join(folder.path, 'nginx-'));
    const { status, stderr } = spawnSync('sh', [join(DROPLET, 'nginx', 'render'), settings, target], {
      encoding: 'utf8',
    });

    expect([status, stderr]).toEqual([0, '']);
    const stream = readFileSync(join(target, 'stream.conf'), 'utf8');
    expect(stream).toContain('listen 443 proxy_protocol;');
    expect(stream).toContain('server unix:/run/litellm-database/from-nginx.sock');
    expect(read('database-gateway.conf')).toContain('accept = /run/litellm-database/from-nginx.sock');
  });
});

test.each(['RS256', 'ES256'])(
  'acme-thumbprint prints the thumbprint of an account key of %s as Let’s Encrypt has it',
  async (alg) => {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    const key = await exportJWK(privateKey);
    const file = join(folder.path, `${alg}.json`);
    writeFileSync(file, JSON.stringify(key));

    const { stdout } = spawnSync('python3', [join(PHASE_2, 'acme-thumbprint'), file], { encoding: 'utf8' });

    expect(stdout.trim()).toBe(await calculateJwkThumbprint(key, 'sha256'));
  },
);
