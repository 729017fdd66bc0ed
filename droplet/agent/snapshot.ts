// What root wrote down of Docker and the certificates (droplet/systemd/write-snapshot), as values. A snapshot that was
// cut short or is old says nothing of the containers, instead of something that may be wrong. Pure.

import type { ContainerHealth, HealthReport } from '../../lib/health/report.ts';

export type Snapshot = Pick<HealthReport, 'containers' | 'certificates'>;

type Line = Readonly<Record<string, unknown>>;

/** It is written each minute; the third that is missing is no accident. */
const STALE_MS = 3 * 60_000;
/** What control/agent takes. */
const MOST_CONTAINERS = 64;
const MOST_CERTIFICATES = 32;

/** Any text gives a value. */
export function parseSnapshot(text: string | undefined, now: Date): Snapshot {
  const lines = (text ?? '').split('\n').flatMap(parseLine);
  const takenAt = Date.parse(String(lines.findLast(({ kind }) => kind === 'end')?.takenAt));
  const certificates = lines.filter(({ kind }) => kind === 'certificate').flatMap(readCertificate);
  const some = certificates.slice(0, MOST_CERTIFICATES);
  if (Number.isNaN(takenAt)) return { containers: { status: 'unread', list: [] }, certificates: some };
  if (now.getTime() - takenAt > STALE_MS)
    return { containers: { status: 'stale', list: [] }, certificates: some };
  const stats = new Map(
    lines.filter(({ kind }) => kind === 'stats').map((line) => [String(line.name), line]),
  );
  const list = lines
    .filter(({ kind }) => kind === 'container')
    .map((line) => readContainer(line, stats))
    .slice(0, MOST_CONTAINERS);
  return { containers: { status: 'read', list }, certificates: some };
}

function parseLine(text: string): Line[] {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? [value as Line] : [];
  } catch {
    return [];
  }
}

function readContainer(line: Line, stats: ReadonlyMap<string, Line>): ContainerHealth {
  const rawName = String(line.name ?? '');
  const own = stats.get(rawName.replace(/^\//, '')) ?? {};
  const state = words(line.state, 32);
  const health = line.health === null || line.health === undefined ? null : words(line.health, 32);
  const exitCode = wholeNumber(line.exitCode);
  return {
    name: words(rawName.replace(/^\//, ''), 128) || 'unnamed',
    image: words(line.image, 256),
    state,
    health,
    restartCount: Math.max(0, wholeNumber(line.restartCount)),
    exitCode,
    isWell: isWell({ state, health, exitCode, restartPolicy: String(line.restartPolicy ?? '') }),
    cpuPercent: parsePercent(own.cpu),
    memoryBytes: parseBytes(own.memory),
  };
}

/** What is not to be restarted runs once, and is well when it ended with 0. */
function isWell({
  state,
  health,
  exitCode,
  restartPolicy,
}: {
  state: string;
  health: string | null;
  exitCode: number;
  restartPolicy: string;
}): boolean {
  const isOneShot = restartPolicy === 'no' || restartPolicy === '';
  if (isOneShot && state === 'exited') return exitCode === 0;
  return state === 'running' && health !== 'unhealthy';
}

/** The last instant whose text everybody reads alike; a certificate may claim to live longer. */
const LAST_INSTANT_MS = Date.UTC(9999, 11, 31, 23, 59, 59);

/** OpenSSL's `2027-01-31 10:00:00Z`, or any instant as ISO 8601 has it. */
function readCertificate(line: Line): Snapshot['certificates'] {
  const expiresAtMs = Date.parse(String(line.expiresAt).replace(' ', 'T'));
  const name = words(line.file, 128);
  if (Number.isNaN(expiresAtMs) || name === '') return [];
  const expiresAt = new Date(Math.min(LAST_INSTANT_MS, Math.max(0, expiresAtMs))).toISOString();
  return [{ name, expiresAt }];
}

function parsePercent(value: unknown): number | null {
  const [, number] = /^(\d+(?:\.\d+)?)%$/.exec(String(value)) ?? [];
  return number === undefined ? null : Number(number);
}

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** The used part of Docker's `12.5MiB / 1GiB`. */
function parseBytes(value: unknown): number | null {
  const [, number, unit = ''] = /^(\d{1,6}(?:\.\d+)?)([A-Za-z]+)(?: |$)/.exec(String(value)) ?? [];
  const factor = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
  return number === undefined || factor === undefined ? null : Math.round(Number(number) * factor);
}

function wholeNumber(value: unknown): number {
  return Number.isSafeInteger(value) ? (value as number) : 0;
}

/** One byte a character, also in JSON: so the largest report fits into what control/agent takes. */
function words(value: unknown, mostCharacters: number): string {
  return String(value ?? '')
    .replace(/[^ !#-[\]-~]/g, '?')
    .slice(0, mostCharacters);
}
