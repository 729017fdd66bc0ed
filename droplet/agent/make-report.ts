// The report from what was read of the host. What could not be read is null or says so; nothing is guessed. Pure.

import type { DiskHealth, HealthReport } from '../../lib/health/report.ts';
import { parseSnapshot } from './snapshot.ts';

/** As statfs(2) has it. */
export type DiskReading = {
  readonly blockSize: number;
  readonly blocks: number;
  /** Free for everybody; root has a reserve beyond that. */
  readonly available: number;
  readonly free: number;
  readonly inodes: number;
  readonly inodesFree: number;
};

export type HostReading = {
  readonly snapshot: string | undefined;
  /** /proc/meminfo, /proc/loadavg and /proc/stat. */
  readonly meminfo: string;
  readonly loadavg: string;
  readonly stat: string;
  readonly cpuCount: number;
  readonly root: DiskReading | undefined;
  readonly data: DiskReading | undefined;
  readonly isRebootPending: boolean;
};

export type ReportContext = {
  readonly now: Date;
  readonly agentVersion: string;
  readonly clockAheadSeconds: number | null;
};

/** A report that control/agent takes, whatever was read. */
export function makeReport(host: HostReading, context: ReportContext): HealthReport {
  const kilobytes = (name: string) => numberIn(host.meminfo, new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm'));
  const [oneMinute = '', fiveMinutes = ''] = host.loadavg.split(' ');
  const bootedSeconds = numberIn(host.stat, /^btime (\d{1,11})$/m);
  return {
    takenAt: context.now.toISOString(),
    agentVersion: context.agentVersion,
    bootedAt: new Date(bootedSeconds * 1000).toISOString(),
    isRebootPending: host.isRebootPending,
    clockAheadSeconds: context.clockAheadSeconds,
    ...parseSnapshot(host.snapshot, context.now),
    disks: { root: readDisk(host.root), data: readDisk(host.data) },
    memory: usedOf(kilobytes('MemTotal'), kilobytes('MemAvailable')),
    swap: usedOf(kilobytes('SwapTotal'), kilobytes('SwapFree')),
    load: {
      oneMinute: finite(oneMinute),
      fiveMinutes: finite(fiveMinutes),
      cpuCount: Math.max(1, host.cpuCount),
    },
  };
}

/** As df(1) counts: of what everybody may use, without root's reserve. */
function readDisk(disk: DiskReading | undefined): DiskHealth {
  if (disk === undefined) return null;
  const used = disk.blocks - disk.free;
  return {
    totalBytes: disk.blocks * disk.blockSize,
    usedPercent: percent(used, used + disk.available),
    inodesUsedPercent: percent(disk.inodes - disk.inodesFree, disk.inodes),
  };
}

function usedOf(totalKilobytes: number, freeKilobytes: number) {
  return {
    totalBytes: totalKilobytes * 1024,
    usedPercent: percent(totalKilobytes - freeKilobytes, totalKilobytes),
  };
}

/** One decimal. Some file systems count no inodes: 0 of 0 is nothing used. */
function percent(part: number, whole: number): number {
  if (!(whole > 0)) return 0;
  return Math.min(100, Math.max(0, Math.round((part / whole) * 1000) / 10));
}

function numberIn(text: string, pattern: RegExp): number {
  return finite(pattern.exec(text)?.[1] ?? '');
}

function finite(text: string): number {
  const value = Number(text);
  return Number.isFinite(value) && value >= 0 && value <= 1e12 ? value : 0;
}
