// What the droplet's agent costs while the control plane is dead: processor time and memory of the built bundle with the
// flags of its unit. Two runs: at its real pace, and at a hundred times that, which shows in two minutes what three
// hours would have left behind.

import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { prepareAgent } from '../droplet/agent/agent-program.ts';
import type { BenchContext } from './bench.ts';
import { type Figure, figure } from './figures.ts';

/** Issue 6. */
const BOUND_PERCENT = 1;
const BOUND_MB = 60;

/** A start takes a sixth of a second once; what counts is what it costs all day. */
const SETTLE_MS = 5_000;
const TICKS_PER_SECOND = 100; // USER_HZ, the same on every Linux of ours

type Pace = {
  readonly name: string;
  readonly reportIntervalMs: number;
  readonly jobIntervalMs: number;
  readonly durationMs: number;
};
type Measure = {
  readonly cpuSeconds: number;
  readonly rssMb: number;
  readonly peakMb: number;
  readonly growthMb: number;
};

const PACES: readonly Pace[] = [
  { name: 'at its pace', reportIntervalMs: 60_000, jobIntervalMs: 5_000, durationMs: 120_000 },
  // Failures make it slower, up to five intervals.
  { name: 'a hundred times faster', reportIntervalMs: 120, jobIntervalMs: 50, durationMs: 120_000 },
];

export async function measureAgent({ workDir, log }: BenchContext, paces = PACES): Promise<Figure[]> {
  const folder = join(workDir, 'agent');
  await mkdir(folder, { recursive: true });
  const agent = await prepareAgent(folder);
  const databaseFile = join(folder, 'database-url');
  await writeFile(databaseFile, 'postgres://droplet_agent:none@%2Frun%2Fnowhere/control');
  // Takes every connection and never answers: the kind of dead that keeps most of it waiting.
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const figures: Figure[] = [];
  try {
    for (const { name, reportIntervalMs, jobIntervalMs, durationMs } of paces) {
      // The fast run is refused at once instead: 15 s of silence each would make it slow.
      const port = reportIntervalMs < 1_000 ? 9 : (silent.address() as AddressInfo).port;
      const child = agent.start({
        AGENT_URL: `http://127.0.0.1:${port}/agent`,
        AGENT_DATABASE_URL_FILE: databaseFile,
        REPORT_INTERVAL_MS: String(reportIntervalMs),
        JOB_INTERVAL_MS: String(jobIntervalMs),
      });
      try {
        const { cpuSeconds, rssMb, peakMb, growthMb } = await watch(child.pid, durationMs);
        log(
          `agent: ${name}, ${durationMs / 1000} s: ${cpuSeconds.toFixed(2)} s of processor, ${rssMb.toFixed(1)} MB`,
        );
        const isReal = reportIntervalMs >= 60_000;
        const remark = `${reportIntervalMs} ms between reports`;
        const percent = (cpuSeconds / durationMs) * 100_000;
        figures.push(
          figure('agent', `CPU, ${name}`, percent, {
            unit: '%',
            remark,
            ...(isReal ? { bound: BOUND_PERCENT } : {}),
          }),
          figure('agent', `CPU time, ${name}`, cpuSeconds, { unit: 's' }),
          figure('agent', `RSS, ${name}`, rssMb, { unit: 'MB', bound: BOUND_MB }),
          figure('agent', `peak RSS, ${name}`, peakMb, { unit: 'MB', bound: BOUND_MB }),
          figure('agent', `RSS grown, ${name}`, growthMb, { unit: 'MB' }),
        );
      } finally {
        await child.stop();
      }
    }
  } finally {
    silent.close();
  }
  return figures;
}

async function watch(shellPid: number, durationMs: number): Promise<Measure> {
  await sleep(SETTLE_MS);
  const pid = await findProgram(shellPid);
  const [ticks, rss] = [await readTicks(pid), await readMegabytes(pid, 'VmRSS')];
  await sleep(durationMs);
  const rssMb = await readMegabytes(pid, 'VmRSS');
  return {
    cpuSeconds: ((await readTicks(pid)) - ticks) / TICKS_PER_SECOND,
    rssMb,
    peakMb: await readMegabytes(pid, 'VmHWM'),
    growthMb: rssMb - rss,
  };
}

/** The program is the first child of the shell that guards it (test/world/child.ts). */
async function findProgram(shellPid: number): Promise<number> {
  const children = await readFile(`/proc/${shellPid}/task/${shellPid}/children`, 'utf8');
  return Number(children.split(' ')[0]);
}

/** utime and stime, proc(5); the name in parentheses may hold spaces. */
async function readTicks(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

async function readMegabytes(pid: number, name: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
}
