// What a report means to a person: whether the droplet is well, and a line for each thing that is looked at, with what to
// do where it is not. Used by `lcp status`, the local world's console and whoever else shows it. Pure.

import type { DiskHealth, HealthReport } from './report.ts';

export type HealthView = { readonly lines: readonly string[]; readonly isWell: boolean };

/** Later than this the droplet is silent: five reports are missing. */
const SILENT_SECONDS = 5 * 60;
/** Let's Encrypt renews 30 days ahead (10 with 45-day certificates); less than this means that it does not. */
const CERTIFICATE_DAYS = 7;
const DISK_PERCENT = 85;
const MEMORY_PERCENT = 95;
/** A report is refused at two minutes; this is half of it. */
const CLOCK_SECONDS = 60;
const DAY_MS = 24 * 60 * 60 * 1000;

/** `lines` without indentation; a line that starts with `!` needs a person. */
export function describeHealth(
  report: HealthReport,
  { ageSeconds, now }: { readonly ageSeconds: number; readonly now: Date },
): HealthView {
  const found = [
    describeAge(report, ageSeconds),
    ...describeContainers(report),
    describeDisks(report),
    describeMemory(report),
    describeCertificates(report, now),
    ...describeClock(report),
  ];
  return {
    lines: found.map(({ text, isWell }) => (isWell ? text : `! ${text}`)),
    isWell: found.every(({ isWell }) => isWell),
  };
}

type Line = { readonly text: string; readonly isWell: boolean };

function describeAge({ agentVersion, bootedAt, isRebootPending }: HealthReport, ageSeconds: number): Line {
  const isWell = ageSeconds <= SILENT_SECONDS;
  const booted = `booted ${bootedAt.slice(0, 10)}${isRebootPending ? ', an upgrade waits for a reboot' : ''}`;
  const silent = isWell
    ? ''
    : ': the droplet or its agent is silent, look at `systemctl status litellm-agent` there';
  return {
    text: `last report ${duration(ageSeconds)} ago${silent}; agent ${agentVersion}, ${booted}`,
    isWell,
  };
}

function describeContainers({ containers: { status, list } }: HealthReport): Line[] {
  if (status !== 'read') {
    const text = `containers: not known (${status}), look at \`systemctl status litellm-snapshot\` on the droplet`;
    return [{ text, isWell: false }];
  }
  const unwell = list.filter((container) => !container.isWell);
  const restarts = list.reduce((sum, { restartCount }) => sum + restartCount, 0);
  return [
    {
      text: `containers: ${list.length - unwell.length} of ${list.length} well, restarted ${restarts} times`,
      isWell: unwell.length === 0 && list.length > 0,
    },
    ...unwell.map(({ name, state, health, restartCount, exitCode }) => ({
      text: `${name}: ${state}${health === null ? '' : `, ${health}`}${state === 'exited' ? ` with ${exitCode}` : ''}, restarted ${restartCount} times`,
      isWell: false,
    })),
  ];
}

function describeDisks({ disks }: HealthReport): Line {
  const parts = [describeDisk('root', disks.root), describeDisk('data', disks.data)];
  return {
    text: `disks: ${parts.map(({ text }) => text).join(', ')}`,
    isWell: parts.every(({ isWell }) => isWell),
  };
}

function describeDisk(name: string, disk: DiskHealth): Line {
  if (disk === null) return { text: `${name} is not mounted`, isWell: false };
  const { usedPercent, inodesUsedPercent, totalBytes } = disk;
  const inodes = inodesUsedPercent > usedPercent ? ` (inodes ${inodesUsedPercent.toFixed(0)} %)` : '';
  return {
    text: `${name} ${usedPercent.toFixed(0)} % of ${gigabytes(totalBytes)}${inodes}`,
    isWell: Math.max(usedPercent, inodesUsedPercent) < DISK_PERCENT,
  };
}

function describeMemory({ memory, swap, load }: HealthReport): Line {
  const memoryText = `memory: ${memory.usedPercent.toFixed(0)} % of ${gigabytes(memory.totalBytes)}`;
  const swapText = swap.totalBytes === 0 ? 'no swap' : `swap ${swap.usedPercent.toFixed(0)} %`;
  const text = `${memoryText}, ${swapText}, load ${load.oneMinute.toFixed(2)} on ${load.cpuCount} cores`;
  return { text, isWell: memory.usedPercent < MEMORY_PERCENT };
}

function describeCertificates({ certificates }: HealthReport, now: Date): Line {
  const [first] = certificates
    .map(({ name, expiresAt }) => ({ name, days: (Date.parse(expiresAt) - now.getTime()) / DAY_MS }))
    .sort((a, b) => a.days - b.days);
  if (first === undefined) return { text: 'certificates: none was found', isWell: false };
  const left = first.days < 0 ? 'has expired' : `expires in ${Math.floor(first.days)} days`;
  return {
    text: `certificates: ${certificates.length}, the first (${first.name}) ${left}`,
    isWell: first.days >= CERTIFICATE_DAYS,
  };
}

function describeClock({ clockAheadSeconds }: HealthReport): Line[] {
  if (clockAheadSeconds === null || Math.abs(clockAheadSeconds) < CLOCK_SECONDS) return [];
  const side = clockAheadSeconds > 0 ? 'ahead' : 'behind';
  const text = `clock: ${Math.abs(clockAheadSeconds).toFixed(0)} s ${side}, look at \`timedatectl\` on the droplet`;
  return [{ text, isWell: false }];
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  if (seconds < 2 * 60 * 60) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GB`;
}
