// Reads what a report is made from: a few files of /proc, two file systems and root's snapshot. Needs no right that every
// user does not have.

import { existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { DiskReading, HostReading } from './make-report.ts';

export type HostPaths = { readonly snapshotFile: string; readonly dataPath: string };

/** 64 containers and 32 certificates are a tenth of it; more is not read, whatever somebody wrote there. */
const MOST_SNAPSHOT_BYTES = 256 * 1024;

export function readHost({ snapshotFile, dataPath }: HostPaths): HostReading {
  return {
    snapshot: readSnapshot(snapshotFile),
    meminfo: readText('/proc/meminfo'),
    loadavg: readText('/proc/loadavg'),
    stat: readText('/proc/stat'),
    cpuCount: availableParallelism(),
    root: readDisk('/'),
    data: isMounted(dataPath) ? readDisk(dataPath) : undefined,
    isRebootPending: existsSync('/run/reboot-required'),
  };
}

function readSnapshot(file: string): string | undefined {
  try {
    return statSync(file).size > MOST_SNAPSHOT_BYTES ? undefined : readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Without the volume the folder is an empty one of the root disk, whose numbers would look well. */
function isMounted(path: string): boolean {
  try {
    return statSync(path).dev !== statSync('/').dev;
  } catch {
    return false;
  }
}

function readDisk(path: string): DiskReading | undefined {
  try {
    const { bsize, blocks, bavail, bfree, files, ffree } = statfsSync(path);
    return { blockSize: bsize, blocks, available: bavail, free: bfree, inodes: files, inodesFree: ffree };
  } catch {
    return undefined;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
