import { expect, test } from 'vitest';
import { checkVersionJump } from '../../lib/platform/upgrade/versions.ts';

test.each([
  ['1.106.2', '1.106.3'],
  ['1.106.2', 'v1.108.0'],
  ['v1.99.9', '1.100.0-stable'],
])('from %s to %s is supported', (from, to) => {
  expect(checkVersionJump(from, to)).toEqual({ status: 'supported' });
});

test('the version that is there is nothing to do', () => {
  expect(checkVersionJump('1.106.2', 'v1.106.2')).toEqual({ status: 'same' });
});

test.each([
  ['1.106.2', '1.106.1', 'is older'],
  ['1.106.2', '1.99.0', 'is older'],
  ['1.106.2', '2.0.0', 'major version'],
  ['1.106.2', 'latest', 'moving tag'],
  ['1.106.2', 'main-stable', 'moving tag'],
  ['', '1.106.2', 'no version'],
])('from "%s" to %s is refused with its reason', (from, to, reason) => {
  expect(checkVersionJump(from, to)).toEqual({ status: 'refused', reason: expect.stringContaining(reason) });
});
