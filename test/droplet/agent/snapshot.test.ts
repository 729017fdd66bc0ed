import { describe, expect, test } from 'vitest';
import { parseSnapshot } from '../../../droplet/agent/snapshot.ts';
import { MOST_TOKEN_BYTES } from '../../../lib/health/report.ts';
import { verifyReport } from '../../../lib/health/report-token.ts';
import { buildReport, createAgentKeys, signedReport } from '../../health/report-fixture.ts';

const now = new Date('2026-11-25T12:00:30Z');
const line = (value: object) => JSON.stringify(value);
const end = line({ kind: 'end', takenAt: '2026-11-25T12:00:00Z' });
const container = (over: object = {}) =>
  line({
    kind: 'container',
    name: '/litellm-litellm-1',
    image: 'litellm:1',
    state: 'running',
    health: 'healthy',
    restartCount: 2,
    exitCode: 0,
    restartPolicy: 'unless-stopped',
    ...over,
  });
const read = (...lines: string[]) => parseSnapshot(lines.join('\n'), now);

test('containers carry their use of the machine, and certificates their end', () => {
  const snapshot = read(
    line({ kind: 'certificate', file: '/etc/litellm/ca/ca.crt', expiresAt: '2027-01-31 10:00:00Z' }),
    container(),
    line({ kind: 'stats', name: 'litellm-litellm-1', cpu: '12.50%', memory: '1.5GiB / 2GiB' }),
    end,
  );

  expect(snapshot).toEqual({
    certificates: [{ name: '/etc/litellm/ca/ca.crt', expiresAt: '2027-01-31T10:00:00.000Z' }],
    containers: {
      status: 'read',
      list: [
        {
          name: 'litellm-litellm-1',
          image: 'litellm:1',
          state: 'running',
          health: 'healthy',
          restartCount: 2,
          exitCode: 0,
          isWell: true,
          cpuPercent: 12.5,
          memoryBytes: 1.5 * 1024 ** 3,
        },
      ],
    },
  });
});

test('a certificate that never ends, as some authorities make them, is one that control/agent takes', () => {
  const certificate = line({ kind: 'certificate', file: 'a', expiresAt: '+275760-09-13' });

  expect(read(certificate, end).certificates).toEqual([{ name: 'a', expiresAt: '9999-12-31T23:59:59.000Z' }]);
});

test.each([
  ['runs without a health check', { health: null }, true],
  ['is still starting', { health: 'starting' }, true],
  ['is unhealthy', { health: 'unhealthy' }, false],
  ['has ended, though it is to run', { state: 'exited' }, false],
  ['restarts again and again', { state: 'restarting' }, false],
  ['runs once and has ended with 0', { state: 'exited', restartPolicy: 'no' }, true],
  ['runs once and has ended with 1', { state: 'exited', exitCode: 1, restartPolicy: 'no' }, false],
  ['runs once and was never started', { state: 'created', restartPolicy: 'no' }, false],
])('whether a container is well that %s', (_what, over, isWell) => {
  expect(read(container(over), end).containers.list).toMatchObject([{ isWell }]);
});

describe('nothing is said of the containers', () => {
  test.each([
    ['there is no snapshot', undefined, 'unread'],
    ['it was cut short', container(), 'unread'],
    ['it does not say when it was taken', `${container()}\n{"kind":"end"}`, 'unread'],
    [
      'it is older than three minutes',
      `${container()}\n${line({ kind: 'end', takenAt: '2026-11-25T11:57:00Z' })}`,
      'stale',
    ],
  ])('when %s', (_when, text, status) => {
    expect(parseSnapshot(text, now).containers).toEqual({ status, list: [] });
  });
});

test('the largest snapshot makes a report that control/agent still takes', async () => {
  const long = 'é"\\'.repeat(100);
  const containers = Array.from({ length: 70 }, (_, n) =>
    container({
      name: `/${n}${long}`,
      image: long,
      state: long,
      health: long,
      restartCount: Number.MAX_SAFE_INTEGER,
    }),
  );
  const certificates = Array.from({ length: 40 }, (_, n) =>
    line({ kind: 'certificate', file: `${n}${long}`, expiresAt: '2027-01-31T10:00:00Z' }),
  );
  const keys = createAgentKeys();
  const report = buildReport({ takenAt: now.toISOString(), ...read(...certificates, ...containers, end) });
  const audience = `https://faas.example.com/${'a'.repeat(200)}`;

  const token = await signedReport(keys, audience, { now, report });

  expect([report.containers.list.length, report.certificates.length]).toEqual([64, 32]);
  expect(token.length).toBeLessThanOrEqual(MOST_TOKEN_BYTES);
  expect(await verifyReport(token, { publicKeys: [keys.x], audience, now })).toMatchObject({
    status: 'verified',
  });
});
