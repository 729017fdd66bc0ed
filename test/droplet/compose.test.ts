// The compose stack as compose's own library resolves it: what is published, what a container may do, and whether
// everything fits a droplet of 4 vCPU and 8 GB with the model loaded.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { DROPLET } from './paths.ts';
import { resolveStack, SOME_DIGEST, type Stack, type StackService } from './stack-model.ts';

const MIB = 1024 ** 2;
/** 8 GB less what the kernel keeps for itself before anybody else sees it. */
const USABLE_BYTES = (8_192 - 256) * MIB;
/** Debian with sshd, journald, Docker and containerd, and the limit of the agent’s unit. */
const HOST_BYTES = (512 + 128) * MIB;
/** Made by cloud-init (droplet/cloud-init). Half of it stays free for the host. */
const SWAP_BYTES = 4_096 * MIB;
/** Ollama's mistral at a context of 4,096 tokens (facts of 2026-11-23: 5 to 5.5 GB). */
const MODEL_BYTES = 5.5e9;
const CPU_COUNT = 4;
const ONE_SHOT = ['litellm-migrate', 'ollama-pull'];

const folder = makeThrowAwayFolder();
const images = readFileSync(join(DROPLET, 'images.env'), 'utf8')
  .split('\n')
  .filter((line) => /^[A-Z]/.test(line))
  .map((line) => line.split('=') as [string, string]);
const lock = images.map(([name, image]) => `${name}=${image.split(':')[0]}@${SOME_DIGEST}\n`).join('');
let stack: Stack;

beforeAll(() => {
  stack = resolveStack(folder.path, lock);
}, 300_000);
afterAll(() => folder.remove());

const entries = () => Object.entries(stack.services);
const longRunning = () => entries().filter(([name]) => !ONE_SHOT.includes(name));
const without = (isRight: (service: StackService, name: string) => boolean, of = entries()) =>
  of.filter(([name, service]) => !isRight(service, name)).map(([name]) => name);
const sum = (numbers: readonly (number | undefined)[]) =>
  numbers.reduce<number>((total, number) => total + (number ?? Number.POSITIVE_INFINITY), 0);

describe('what can be reached', () => {
  test('only nginx publishes ports, and only 80 and 443', () => {
    const published = entries().flatMap(([name, { ports = [] }]) =>
      ports.map((port) => `${name} ${port.published}->${port.target}/${port.protocol}`),
    );

    expect(published).toEqual(['nginx 80->80/tcp', 'nginx 443->443/tcp']);
  });

  test('no container takes part in the network, the processes or the privileges of the host', () => {
    expect(without((service) => !service.network_mode && !service.pid && !service.privileged)).toEqual([]);
  });

  test('PostgreSQL, Ollama and Valkey have no way out, and nginx no way to Ollama or Valkey', () => {
    const networksOf = (name: string) => Object.keys(stack.services[name]?.networks ?? {}).sort();
    const inner = Object.keys(stack.networks).filter((name) => stack.networks[name]?.internal === true);

    expect(inner.sort()).toEqual(['cache', 'database', 'model']);
    expect(networksOf('postgres')).toEqual(['database']);
    expect(networksOf('ollama')).toEqual(['model']);
    expect(networksOf('valkey')).toEqual(['cache']);
    expect(networksOf('litellm-migrate')).toEqual(['database']);
    expect(networksOf('nginx')).toEqual(['database', 'edge']);
    expect(networksOf('ollama-pull')).toEqual(['download']);
  });

  test('every bridge has a name that the host firewall knows as one of Docker’s', () => {
    const names = Object.values(stack.networks).map(
      ({ driver_opts }) => driver_opts?.['com.docker.network.bridge.name'] ?? '',
    );

    // IFNAMSIZ of Linux is 16 with the closing zero.
    expect(names.filter((name) => !/^br-[a-z-]+$/.test(name) || name.length > 15)).toEqual([]);
  });
});

describe('what a container may do', () => {
  test('every root file system is read-only and every privilege is dropped but nginx’s four', () => {
    expect(without((service) => service.read_only === true)).toEqual([]);
    expect(without((service) => service.cap_drop?.join() === 'ALL')).toEqual([]);
    expect(without((service) => service.security_opt?.includes('no-new-privileges:true') === true)).toEqual(
      [],
    );
    expect(
      Object.fromEntries(entries().flatMap(([name, { cap_add }]) => (cap_add ? [[name, cap_add]] : []))),
    ).toEqual({
      nginx: ['NET_BIND_SERVICE', 'SETUID', 'SETGID', 'CHOWN'],
    });
  });

  test('no folder of the host is made by Docker, and what is not data is mounted read-only', () => {
    const mounts = entries().flatMap(([name, { volumes = [] }]) =>
      volumes.map((volume) => ({ name, ...volume })),
    );

    expect(mounts.filter(({ type }) => type !== 'bind')).toEqual([]);
    // An unmounted Volume must stop PostgreSQL, not give it an empty folder to make a new cluster in.
    expect(mounts.filter(({ bind }) => bind?.create_host_path !== false)).toEqual([]);
    expect(
      mounts
        .filter(({ read_only }) => !read_only)
        .map(({ target }) => target)
        .sort(),
    ).toEqual(['/models', '/models', '/var/lib/postgresql', '/var/run/postgresql']);
    expect(mounts.filter(({ source }) => source.includes('docker.sock'))).toEqual([]);
  });

  test('a container is given only the secrets it needs', () => {
    const given = entries().map(([name, { environment = {} }]) => [
      name,
      Object.keys(environment)
        .filter((variable) => variable.endsWith('_SECRET'))
        .sort(),
    ]);

    expect(Object.fromEntries(given)).toEqual({
      nginx: [],
      litellm: ['LITELLM_SECRET', 'PROVIDERS_SECRET', 'VALKEY_SECRET'],
      'litellm-migrate': ['LITELLM_SECRET'],
      ollama: [],
      'ollama-pull': [],
      postgres: ['POSTGRES_SECRET'],
      valkey: ['VALKEY_SECRET'],
    });
  });

  test('logs are bounded: three files of 10 MB a service', () => {
    expect(
      without(
        ({ logging }) =>
          logging?.driver === 'local' &&
          logging.options['max-size'] === '10m' &&
          logging.options['max-file'] === '3',
      ),
    ).toEqual([]);
  });
});

describe('what runs', () => {
  test('every image comes by digest, and without the lock file nothing starts', () => {
    expect(without(({ image }) => /^[a-z0-9./_-]+@sha256:[0-9a-f]{64}$/.test(image))).toEqual([]);
    expect(() => resolveStack(folder.path, '')).toThrow(
      /POSTGRES_IMAGE is missing a value: run install\/lock-images/,
    );
  });

  test('every image is pinned by a version in images.env', () => {
    expect(images.filter(([, image]) => !/^[a-z0-9./_-]+:v?\d+(\.\d+)+(-[a-z]+)?$/.test(image))).toEqual([]);
    expect(images.map(([name]) => name).sort()).toEqual([
      'LITELLM_IMAGE',
      'NGINX_IMAGE',
      'OLLAMA_IMAGE',
      'POSTGRES_IMAGE',
      'VALKEY_IMAGE',
    ]);
  });

  test('what runs for long has a health check and comes back after a crash; what runs once does not', () => {
    expect(without(({ healthcheck }) => (healthcheck?.test.length ?? 0) > 1, longRunning())).toEqual([]);
    expect(without(({ restart }) => restart === 'unless-stopped', longRunning())).toEqual([]);
    expect(ONE_SHOT.map((name) => stack.services[name]?.restart)).toEqual(['no', 'on-failure:5']);
  });

  test('LiteLLM starts only on a migrated schema, and alone litellm-migrate may change it', () => {
    expect(stack.services.litellm?.depends_on).toMatchObject({
      'litellm-migrate': { condition: 'service_completed_successfully' },
      postgres: { condition: 'service_healthy' },
    });
    const flags = entries().map(([name, { environment }]) => [name, environment?.DISABLE_SCHEMA_UPDATE]);
    expect(flags.filter(([, flag]) => flag !== undefined)).toEqual([
      ['litellm', 'true'],
      ['litellm-migrate', 'false'],
    ]);
  });

  test('nginx waits for nobody, and LiteLLM not for the model', () => {
    expect(stack.services.nginx?.depends_on).toBeUndefined();
    expect(Object.keys(stack.services.litellm?.depends_on ?? {})).not.toContain('ollama');
  });
});

describe('what fits', () => {
  test('the memory limits of all that runs for long, with the host’s own need, fit 8 GB', () => {
    const limits = sum(longRunning().map(([, { mem_limit }]) => mem_limit));

    expect(limits + HOST_BYTES).toBeLessThanOrEqual(USABLE_BYTES);
  });

  test('the model fits Ollama’s limit without swap', () => {
    const { mem_limit, memswap_limit, environment } = stack.services.ollama ?? {};

    expect(mem_limit).toBeGreaterThanOrEqual(MODEL_BYTES);
    expect(memswap_limit).toBe(mem_limit);
    expect(environment).toMatchObject({
      OLLAMA_NUM_PARALLEL: '1',
      OLLAMA_MAX_LOADED_MODELS: '1',
      OLLAMA_CONTEXT_LENGTH: '4096',
    });
  });

  test('what runs once at a start fits the memory that is not taken yet', () => {
    const limitOf = (name: string) => stack.services[name]?.mem_limit ?? 0;

    expect(limitOf('litellm-migrate')).toBeLessThanOrEqual(limitOf('litellm'));
    expect(limitOf('ollama-pull')).toBeLessThanOrEqual(limitOf('ollama'));
  });

  test('all that may be swapped out, also a migration beside a running LiteLLM, takes half of the swap at most', () => {
    const swap = entries().map(
      ([, { mem_limit = 0, memswap_limit = Number.POSITIVE_INFINITY }]) => memswap_limit - mem_limit,
    );
    const migration = stack.services['litellm-migrate']?.mem_limit ?? 0;

    expect(Math.min(...swap)).toBeGreaterThanOrEqual(0);
    expect(sum(swap)).toBeLessThanOrEqual(SWAP_BYTES / 2);
    expect(sum(swap) + migration).toBeLessThanOrEqual(SWAP_BYTES);
  });

  test('no service takes every core, and each has a bound on its processes', () => {
    expect(without(({ cpus = CPU_COUNT }) => cpus < CPU_COUNT)).toEqual([]);
    expect(without(({ pids_limit = 0 }) => pids_limit > 0 && pids_limit <= 256)).toEqual([]);
  });
});
