// Keeps something that lives in memory on disk as well, so that it outlives the process, a kill -9 included: looks
// at it once in a while, writes it when it has changed, and once more when it is stopped.

import { renameSync, writeFileSync } from 'node:fs';

export type SnapshotOptions = {
  readonly file: string;
  /** Cheap; equal as long as nothing has changed. */
  readonly version: () => unknown;
  readonly value: () => unknown;
};

/** What a kill -9 may lose. The next reconcile run repairs it, as it repairs any drift. */
const LOOK_EVERY_MS = 500;

/** Starts keeping; the returned function writes the last state and ends it. */
export function keepSnapshot({ file, version, value }: SnapshotOptions): () => void {
  let written: unknown;
  const write = () => {
    const current = version();
    if (current === written) return;
    // Renamed into place: a reader finds the old one or the new one, never a part.
    writeFileSync(`${file}.new`, JSON.stringify(value()), { mode: 0o600 });
    renameSync(`${file}.new`, file);
    written = current;
  };
  write();
  const timer = setInterval(write, LOOK_EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    write();
  };
}
