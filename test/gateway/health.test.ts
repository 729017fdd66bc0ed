// Which LiteLLM versions may run.

import { expect, test } from 'vitest';
import { isControlError } from '../../lib/errors.ts';
import { checkGatewayVersion } from '../../lib/gateway/health.ts';

test.each(['1.82.7', '1.82.8', '1.107.0', 'v1.107.0'])('version %s is refused', (version) => {
  expect(() => checkGatewayVersion(version)).toThrow(
    expect.objectContaining({ code: 'GATEWAY_VERSION_DENIED' }),
  );
});

test.each(['1.106.2', '1.82.6', '1.82.70', '1.107.1', '11.107.0', null])('version %s may run', (version) => {
  expect(() => checkGatewayVersion(version)).not.toThrow();
});

test('the refusal says what to do', () => {
  try {
    checkGatewayVersion('1.107.0');
  } catch (error) {
    expect(isControlError(error) && error.message).toContain('rotate every secret');
  }
  expect.assertions(1);
});
