import { expect, test } from 'vitest';
import { describeHealth } from '../../lib/health/health-text.ts';
import type { HealthReport } from '../../lib/health/report.ts';
import { buildContainer, buildReport } from './report-fixture.ts';

const now = new Date('2026-11-25T12:00:30Z');
const describe = (over: Partial<HealthReport> = {}, ageSeconds = 30) =>
  describeHealth(buildReport(over), { ageSeconds, now });
const full = { totalBytes: 1024 ** 3, usedPercent: 92, inodesUsedPercent: 4 };

test('a droplet that is well takes five lines', () => {
  expect(describe()).toEqual({
    isWell: true,
    lines: [
      'last report 30 s ago; agent 0.1.0, booted 2026-11-20',
      'containers: 2 of 2 well, restarted 0 times',
      'disks: root 31 % of 160.0 GB, data 12 % of 50.0 GB',
      'memory: 71 % of 8.0 GB, swap 3 %, load 0.42 on 4 cores',
      'certificates: 1, the first (/etc/letsencrypt/live/llm/fullchain.pem) expires in 59 days',
    ],
  });
});

test.each<[string, Partial<HealthReport>, string]>([
  [
    'a container is down',
    {
      containers: {
        status: 'read',
        list: [
          buildContainer({ state: 'exited', exitCode: 137, health: null, restartCount: 4, isWell: false }),
        ],
      },
    },
    '! litellm-nginx-1: exited with 137, restarted 4 times',
  ],
  [
    'nothing is known of the containers',
    { containers: { status: 'stale', list: [] } },
    '! containers: not known (stale), look at `systemctl status litellm-snapshot` on the droplet',
  ],
  [
    'there is no container at all',
    { containers: { status: 'read', list: [] } },
    '! containers: 0 of 0 well, restarted 0 times',
  ],
  [
    'the volume is not mounted',
    { disks: { root: buildReport().disks.root, data: null } },
    '! disks: root 31 % of 160.0 GB, data is not mounted',
  ],
  [
    'a disk is nearly full',
    { disks: { root: full, data: full } },
    '! disks: root 92 % of 1.0 GB, data 92 % of 1.0 GB',
  ],
  [
    'files cannot be made any more',
    {
      disks: { root: { ...full, usedPercent: 3, inodesUsedPercent: 99 }, data: { ...full, usedPercent: 3 } },
    },
    '! disks: root 3 % of 1.0 GB (inodes 99 %), data 3 % of 1.0 GB (inodes 4 %)',
  ],
  [
    'memory is used up',
    { memory: { totalBytes: 8 * 1024 ** 3, usedPercent: 97 } },
    '! memory: 97 % of 8.0 GB, swap 3 %, load 0.42 on 4 cores',
  ],
  [
    'a certificate is not renewed',
    {
      certificates: [
        { name: 'b', expiresAt: '2027-01-01T00:00:00Z' },
        { name: 'a', expiresAt: '2026-12-01T00:00:00Z' },
      ],
    },
    '! certificates: 2, the first (a) expires in 5 days',
  ],
  [
    'a certificate has expired',
    { certificates: [{ name: 'a', expiresAt: '2026-11-25T12:00:00Z' }] },
    '! certificates: 1, the first (a) has expired',
  ],
  ['no certificate is found', { certificates: [] }, '! certificates: none was found'],
  [
    'the clock is wrong',
    { clockAheadSeconds: -75 },
    '! clock: 75 s behind, look at `timedatectl` on the droplet',
  ],
])('when %s, a person is told', (_when, over, line) => {
  const { lines, isWell } = describe(over);

  expect(lines).toContain(line);
  expect(isWell).toBe(false);
});

test('a droplet is silent after five minutes, and a reboot that waits is said but wakes nobody', () => {
  expect(describe({}, 300).isWell).toBe(true);
  expect(describe({}, 7_300)).toMatchObject({
    isWell: false,
    lines: expect.arrayContaining([
      expect.stringMatching(/^! last report 2 h ago: the droplet or its agent is silent/),
    ]),
  });
  expect(describe({ isRebootPending: true })).toMatchObject({
    isWell: true,
    lines: expect.arrayContaining([expect.stringContaining('an upgrade waits for a reboot')]),
  });
});
