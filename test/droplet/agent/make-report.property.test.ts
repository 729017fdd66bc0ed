import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type HostReading, makeReport } from '../../../droplet/agent/make-report.ts';
import { healthReportSchema } from '../../../lib/health/report.ts';

const number = fc.oneof(fc.integer(), fc.double(), fc.constant(Number.MAX_SAFE_INTEGER));
const count = fc.integer({ min: 0, max: 2 ** 40 });
const disk = fc.option(
  fc.record({
    blockSize: fc.constant(4096),
    blocks: count,
    available: count,
    free: count,
    inodes: count,
    inodesFree: count,
  }),
  { nil: undefined },
);
const anyLine = fc.oneof(
  fc.string(),
  fc.json(),
  fc
    .record(
      {
        kind: fc.constantFrom('container', 'stats', 'certificate', 'end', 'other'),
        name: fc.oneof(fc.string(), number),
        image: fc.string(),
        state: fc.oneof(fc.constantFrom('running', 'exited'), fc.anything()),
        health: fc.oneof(fc.constantFrom('healthy', 'unhealthy', null), fc.anything()),
        restartCount: number,
        exitCode: fc.oneof(number, fc.string()),
        cpu: fc.oneof(fc.constantFrom('0.51%', '--', '99999999999%'), fc.string()),
        memory: fc.oneof(
          fc.constantFrom('12.5MiB / 1GiB', '1e9GiB', '999999TiB / 1', '1constructor'),
          fc.string(),
        ),
        file: fc.string(),
        expiresAt: fc.oneof(fc.constantFrom('2027-01-31 10:00:00Z', '+275760-09-13', 'never'), fc.string()),
        takenAt: fc.constantFrom('2026-11-25T12:00:00Z', 'yesterday'),
      },
      { requiredKeys: ['kind'] },
    )
    .map((line) => JSON.stringify(line)),
);
const host: fc.Arbitrary<HostReading> = fc.record({
  snapshot: fc.option(
    fc.array(anyLine, { maxLength: 150 }).map((lines) => lines.join('\n')),
    { nil: undefined },
  ),
  meminfo: fc.oneof(
    fc.string(),
    fc.nat().map((kb) => `MemTotal:  ${kb} kB\nMemAvailable: 12 kB\nSwapTotal: 0 kB\n`),
  ),
  loadavg: fc.oneof(fc.string(), fc.constant('0.42 0.40 0.38 1/300 12345')),
  stat: fc.oneof(
    fc.string(),
    fc.nat().map((seconds) => `cpu 1 2 3\nbtime ${seconds}\n`),
    fc.constant('btime 99999999999\n'),
  ),
  cpuCount: fc.nat({ max: 512 }),
  root: disk,
  data: disk,
  isRebootPending: fc.boolean(),
});
const context = { now: new Date('2026-11-25T12:00:30Z'), agentVersion: '0.1.0', clockAheadSeconds: null };

test('whatever the host says, the report is one that control/agent takes, and one that fits', () => {
  fc.assert(
    fc.property(host, (reading) => {
      const report = makeReport(reading, context);

      expect(healthReportSchema.safeParse(report)).toMatchObject({ success: true });
      expect(JSON.stringify(report).length).toBeLessThan(48 * 1024);
    }),
  );
});
