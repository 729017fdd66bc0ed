import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { expectOfDataPlane } from '../../lib/policy/data-plane.ts';
import { parsePolicyText } from '../../lib/policy/policy.ts';

const sample = readFileSync(new URL('../../policy.yml', import.meta.url), 'utf8');
const expectationsOf = (text: string) => expectOfDataPlane(parsePolicyText(`${sample}${text}`).data_plane);

test('a policy without the word means one droplet, of which nothing more is expected than before', () => {
  expect(expectationsOf('')).toEqual({ isStateShared: false, reportingHosts: undefined });
  expect(expectationsOf('data_plane: { kind: droplet }\n')).toEqual(expectationsOf(''));
});

test.each([
  ['data_plane: { kind: droplets }\n', { isStateShared: true, reportingHosts: 2 }],
  ['data_plane: { kind: droplets, reporting_hosts: 3 }\n', { isStateShared: true, reportingHosts: 3 }],
  ['data_plane: { kind: kubernetes }\n', { isStateShared: true, reportingHosts: 0 }],
  ['data_plane: { kind: kubernetes, reporting_hosts: 1 }\n', { isStateShared: true, reportingHosts: 1 }],
  ['data_plane: { reporting_hosts: 1 }\n', { isStateShared: false, reportingHosts: 1 }],
])('%j is understood', (text, expected) => {
  expect(expectationsOf(text)).toEqual(expected);
});

test.each([
  ['data_plane: { kind: cluster }\n', 'Expected droplet, droplets or kubernetes.'],
  ['data_plane: { kind: droplets, hosts: 2 }\n', 'Unknown key'],
  ['data_plane: { reporting_hosts: -1 }\n', 'Expected 0 or more: hosts.'],
])('%j is refused with the reason', (text, reason) => {
  expect(() => expectationsOf(text)).toThrow(reason);
});
