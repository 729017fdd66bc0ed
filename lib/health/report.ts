// The droplet's report of its own health, as it comes over the wire. Every list and every text has a bound: a report is
// believed only as far as its signature goes, and a broken agent must not fill the database.

import * as z from 'zod';

/** The largest body that is looked at; a report of 64 containers and 32 certificates is half of it. */
export const MOST_TOKEN_BYTES = 64 * 1024;
/** How long a token may live; the agent asks for this much. */
export const TOKEN_LIFE_SECONDS = 120;
/** In the token's header, so that no other thing the agent signs can be passed for a report (RFC 8725, 3.11). */
export const REPORT_TYPE = 'droplet-report+jwt';
export const DROPLET_ID = /^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/;

const name = z.string().min(1).max(128);
const bytes = z.number().nonnegative().max(Number.MAX_SAFE_INTEGER);
const percent = z.number().min(0).max(100);
const instant = z.iso.datetime();

const container = z.object({
  name,
  image: z.string().max(256),
  /** Docker's word: running, exited, restarting, created, paused, dead, removing. */
  state: z.string().max(32),
  /** Null where the image has no health check. */
  health: z.string().max(32).nullable(),
  restartCount: z.number().int().nonnegative(),
  exitCode: z.number().int(),
  /** Runs and is not unhealthy; one that runs once has ended with 0 or is at it. */
  isWell: z.boolean(),
  /** Of one core; null where Docker told none. */
  cpuPercent: z.number().nonnegative().nullable(),
  memoryBytes: bytes.nullable(),
});

const disk = z.object({ totalBytes: bytes, usedPercent: percent, inodesUsedPercent: percent }).nullable();
const memory = z.object({ totalBytes: bytes, usedPercent: percent });

export const healthReportSchema = z.object({
  takenAt: instant,
  agentVersion: z.string().max(64),
  bootedAt: instant,
  isRebootPending: z.boolean(),
  /** How far the droplet's clock is ahead of the control plane's, as the last answer told; null before there is one. */
  clockAheadSeconds: z.number().nullable(),
  /** `unread` and `stale` say nothing of the containers: the list is empty. */
  containers: z.object({ status: z.enum(['read', 'stale', 'unread']), list: z.array(container).max(64) }),
  certificates: z.array(z.object({ name, expiresAt: instant })).max(32),
  /** `data` is null while the volume is not mounted. */
  disks: z.object({ root: disk, data: disk }),
  memory,
  swap: memory,
  load: z.object({ oneMinute: z.number(), fiveMinutes: z.number(), cpuCount: z.number().int().positive() }),
});

export type HealthReport = z.output<typeof healthReportSchema>;
export type ContainerHealth = z.output<typeof container>;
export type DiskHealth = z.output<typeof disk>;
