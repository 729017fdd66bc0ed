// The droplet's agent in the local world: the built bundle with the flags of its unit, reporting to control/agent and
// taking jobs from the control database. What only a droplet has is stood in for: the snapshot of Docker's containers
// and of the certificates, which the agent reads as root would have written it.

import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import type { Secret } from '../../lib/secret.ts';
import { buildAgent } from '../../scripts/build-agent.ts';
import { startChild } from './child.ts';

export type ContainerState = {
  readonly state: string;
  readonly health: string | null;
  readonly exitCode: number;
};

export type WorldAgent = {
  /** What Docker would say of one of the stack's containers from now on; running and healthy without a state. */
  setContainer(service: string, state?: ContainerState): void;
  readonly logFile: string;
  stop(): Promise<void>;
};

const ROOT = resolve(import.meta.dirname, '..', '..');
export const DROPLET_ID = 'local-world';
const SERVICES = ['nginx', 'litellm', 'ollama', 'postgres'];
const RUNNING: ContainerState = { state: 'running', health: 'healthy', exitCode: 0 };
/** As root's timer on a droplet. */
const SNAPSHOT_EVERY_MS = 60_000;
const DAY_MS = 86_400_000;

/** The public half of the world's agent key, which is made in `folder` at the first start. */
export function readAgentPublicKey(folder: string): string {
  const file = identityFile(folder);
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync('ed25519');
    writeFileSync(file, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
  }
  return createPublicKey(createPrivateKey(readFileSync(file))).export({ format: 'jwk' }).x ?? '';
}

export type WorldAgentOptions = {
  readonly folder: string;
  /** Address of control/agent. */
  readonly url: string;
  readonly databaseUrl: Secret;
  readonly clock: Clock;
};

/** Starts it and does not wait: its first report comes a fraction of a second later. */
export async function startWorldAgent({
  folder,
  url,
  databaseUrl,
  clock,
}: WorldAgentOptions): Promise<WorldAgent> {
  const bundle = join(folder, 'agent', 'agent.cjs');
  await buildAgent(ROOT, bundle);
  const databaseFile = join(folder, 'agent', 'database-url');
  writeFileSync(databaseFile, databaseUrl.reveal(), { mode: 0o600 });
  const snapshotFile = join(folder, 'agent', 'snapshot.jsonl');
  const states = new Map<string, ContainerState>();
  const write = () => {
    writeFileSync(`${snapshotFile}.part`, renderSnapshot(states, clock.now()));
    renameSync(`${snapshotFile}.part`, snapshotFile);
  };
  write();
  const ending = new AbortController();
  const writing = keepWriting(write, clock, ending.signal);
  const logFile = join(folder, 'agent.log');
  rmSync(logFile, { force: true });
  const child = startChild({
    command: process.execPath,
    args: [...unitFlags(), bundle],
    env: {
      PATH: process.env.PATH,
      AGENT_URL: url,
      DROPLET_ID,
      AGENT_IDENTITY_FILE: identityFile(folder),
      AGENT_DATABASE_URL_FILE: databaseFile,
      SNAPSHOT_FILE: snapshotFile,
      // A file system other than that of the root, as a volume is.
      DATA_PATH: '/dev/shm',
      JOB_INTERVAL_MS: '500',
    },
    logFile,
    stopSignal: 'TERM',
  });
  return {
    logFile,
    setContainer(service, state) {
      if (state === undefined) states.delete(service);
      else states.set(service, state);
      write();
    },
    async stop() {
      ending.abort();
      await Promise.all([writing, child.stop()]);
    },
  };
}

/** What the unit gives to node. */
export function unitFlags(): string[] {
  const unit = readFileSync(join(ROOT, 'droplet/systemd/litellm-agent.service'), 'utf8');
  const [, flags = ''] =
    /^ExecStart=\/usr\/bin\/node (.*) \/opt\/litellm-agent\/agent\.cjs$/m.exec(unit) ?? [];
  return flags.split(' ');
}

async function keepWriting(write: () => void, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(SNAPSHOT_EVERY_MS, signal).catch(() => undefined);
    if (!signal.aborted) write();
  }
}

function renderSnapshot(states: ReadonlyMap<string, ContainerState>, now: Date): string {
  const containers = SERVICES.map((service) => ({
    kind: 'container',
    name: `/litellm-${service}-1`,
    image: service,
    restartCount: 0,
    restartPolicy: 'unless-stopped',
    ...(states.get(service) ?? RUNNING),
  }));
  const expiresAt = new Date(now.getTime() + 60 * DAY_MS).toISOString();
  const certificate = {
    kind: 'certificate',
    file: '/etc/letsencrypt/live/llm.example.com/fullchain.pem',
    expiresAt,
  };
  const lines = [certificate, ...containers, { kind: 'end', takenAt: now.toISOString() }];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

function identityFile(folder: string): string {
  return join(folder, 'agent-identity.pem');
}
