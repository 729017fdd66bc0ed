// Collects what a function prints during one activation, as the platform keeps it: a line each with its instant and
// stream, cut at 256 KB with a notice.

import type { Readable } from 'node:stream';
import type { Clock } from '../../../lib/clock.ts';
import { PLATFORM_LIMITS } from '../../../lib/platform/limits.ts';

const END_OF_LOGS = 'XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX';
const NOTICE = `Logs were truncated because the total bytes size exceeds the limit of ${PLATFORM_LIMITS.logBytes} bytes.`;

export type LogCollector = {
  /** Forgets what came before; the next lines belong to a new activation. */
  begin(): void;
  /** Resolves when both streams said that they are complete, or have ended. */
  complete(): Promise<void>;
  /** The lines since `begin`. */
  lines(): string[];
};

/** Reads both streams from now on, so that a function that prints much never blocks on a full pipe. */
export function collectLogs(streams: { stdout: Readable; stderr: Readable }, clock: Clock): LogCollector {
  let kept: string[] = [];
  let keptBytes = 0;
  let isCut = false;
  const open = new Set<string>();
  let waiting: (() => void) | undefined;

  const keep = (name: string, text: string) => {
    if (isCut) return;
    keptBytes += Buffer.byteLength(text) + 1;
    isCut = keptBytes > PLATFORM_LIMITS.logBytes;
    kept.push(`${clock.now().toISOString()} ${isCut ? 'stderr' : name}: ${isCut ? NOTICE : text}`);
  };
  const close = (name: string) => {
    open.delete(name);
    if (open.size === 0) waiting?.();
  };

  for (const [name, stream] of Object.entries(streams)) {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        // A line without its break may stand before the marker.
        const text = line.endsWith(END_OF_LOGS) ? line.slice(0, -END_OF_LOGS.length) : line;
        if (text !== '' || text === line) keep(name, text);
        if (text !== line) close(name);
      }
    });
    stream.on('end', () => {
      if (rest !== '') keep(name, rest);
      close(name);
    });
  }

  return {
    begin() {
      kept = [];
      keptBytes = 0;
      isCut = false;
      for (const [name, stream] of Object.entries(streams)) if (!stream.readableEnded) open.add(name);
    },
    complete: () =>
      new Promise((resolve) => {
        waiting = resolve;
        if (open.size === 0) resolve();
      }),
    lines: () => kept,
  };
}
