// A report of a droplet that is well, as its agent would make it, and the pair of keys that it is known by.

import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { signReport } from '../../droplet/agent/sign-report.ts';
import type { ContainerHealth, HealthReport } from '../../lib/health/report.ts';

export type AgentKeys = { readonly privateKey: KeyObject; readonly publicKey: KeyObject; readonly x: string };

export function createAgentKeys(): AgentKeys {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { privateKey, publicKey, x: publicKey.export({ format: 'jwk' }).x ?? '' };
}

export function buildContainer(over: Partial<ContainerHealth> = {}): ContainerHealth {
  return {
    name: 'litellm-nginx-1',
    image: 'nginx:1.30',
    state: 'running',
    health: 'healthy',
    restartCount: 0,
    exitCode: 0,
    isWell: true,
    cpuPercent: 0.5,
    memoryBytes: 12_000_000,
    ...over,
  };
}

export function buildReport(over: Partial<HealthReport> = {}): HealthReport {
  return {
    takenAt: '2026-11-25T12:00:00.000Z',
    agentVersion: '0.1.0',
    bootedAt: '2026-11-20T12:00:00.000Z',
    isRebootPending: false,
    clockAheadSeconds: 0,
    containers: { status: 'read', list: [buildContainer(), buildContainer({ name: 'litellm-postgres-1' })] },
    certificates: [
      { name: '/etc/letsencrypt/live/llm/fullchain.pem', expiresAt: '2027-01-24T12:00:00.000Z' },
    ],
    disks: {
      root: { totalBytes: 160 * 1024 ** 3, usedPercent: 31.4, inodesUsedPercent: 4 },
      data: { totalBytes: 50 * 1024 ** 3, usedPercent: 12, inodesUsedPercent: 1 },
    },
    memory: { totalBytes: 8 * 1024 ** 3, usedPercent: 71.2 },
    swap: { totalBytes: 4 * 1024 ** 3, usedPercent: 3 },
    load: { oneMinute: 0.42, fiveMinutes: 0.4, cpuCount: 4 },
    ...over,
  };
}

/** The token of a report, signed as the agent signs it. */
export function signedReport(
  { privateKey }: AgentKeys,
  audience: string,
  {
    now,
    report = buildReport({ takenAt: now.toISOString() }),
    dropletId = 'droplet-1',
  }: {
    now: Date;
    report?: HealthReport;
    dropletId?: string;
  },
): Promise<string> {
  return signReport({ key: privateKey }, report, { audience, dropletId, now });
}
