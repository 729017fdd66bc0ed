// The stack as compose resolves it with the images of a lock file, for the tests that read it.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { resolveCompose } from '../world/compose/resolve.ts';
import { DROPLET } from './paths.ts';

/** What a test reads; bytes come as a number or as text. */
const service = z.object({
  image: z.string(),
  restart: z.string().optional(),
  read_only: z.boolean().optional(),
  init: z.boolean().optional(),
  privileged: z.boolean().optional(),
  network_mode: z.string().optional(),
  pid: z.string().optional(),
  user: z.string().optional(),
  cap_drop: z.array(z.string()).optional(),
  cap_add: z.array(z.string()).optional(),
  security_opt: z.array(z.string()).optional(),
  ports: z.array(z.object({ target: z.number(), published: z.string(), protocol: z.string() })).optional(),
  expose: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string().nullable()).optional(),
  networks: z.record(z.string(), z.unknown()).optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).optional(),
  healthcheck: z.object({ test: z.array(z.string()), interval: z.string() }).optional(),
  logging: z.object({ driver: z.string(), options: z.record(z.string(), z.string()) }).optional(),
  mem_limit: z.coerce.number().optional(),
  memswap_limit: z.coerce.number().optional(),
  cpus: z.number().optional(),
  pids_limit: z.number().optional(),
  stop_grace_period: z.string().optional(),
  volumes: z
    .array(
      z.object({
        type: z.string(),
        source: z.string(),
        target: z.string(),
        read_only: z.boolean().optional(),
        bind: z.object({ create_host_path: z.boolean().optional() }).optional(),
      }),
    )
    .optional(),
});
const stack = z.object({
  name: z.string(),
  services: z.record(z.string(), service),
  networks: z.record(
    z.string(),
    z.object({ internal: z.boolean().optional(), driver_opts: z.record(z.string(), z.string()).optional() }),
  ),
});

export type StackService = z.infer<typeof service>;
export type Stack = z.infer<typeof stack>;

/** A digest of the right form that no registry has. */
export const SOME_DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

/** `lock` is the text of images.lock.env; `folder` takes the files of /etc/litellm; each of `files` is on top of the one
 *  before. */
export function resolveStack(
  folder: string,
  lock: string,
  files: readonly string[] = [join(DROPLET, 'compose.yml')],
): Stack {
  mkdirSync(folder, { recursive: true });
  for (const name of ['litellm', 'providers', 'postgres', 'valkey']) {
    writeFileSync(join(folder, `${name}.env`), `${name.toUpperCase()}_SECRET=of-${name}\n`);
  }
  writeFileSync(join(folder, 'images.lock.env'), lock);
  return stack.parse(
    resolveCompose({
      file: files.join(':'),
      envFiles: [join(folder, 'images.lock.env')],
      environment: { LITELLM_ETC: folder, COMPOSE_PROFILES: 'valkey' },
    }),
  );
}
