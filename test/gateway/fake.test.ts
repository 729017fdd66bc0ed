// The in-process fake keeps the gateway contract.

import { afterAll, beforeAll } from 'vitest';
import { type FakeLiteLLM, startFakeLiteLLM } from '../world/litellm-fake/start.ts';
import { describeGatewayContract } from './gateway.contract.ts';

let fake: FakeLiteLLM;

beforeAll(async () => {
  fake = await startFakeLiteLLM({ masterKey: 'sk-master-of-the-fake' });
});
afterAll(() => fake.close());

describeGatewayContract('the fake LiteLLM', () => fake);
