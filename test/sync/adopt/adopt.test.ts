// What adoption promises, on the fake LiteLLM.

import { afterAll, beforeAll } from 'vitest';
import { useControlDatabases } from '../../store/database-fixture.ts';
import { type FakeLiteLLM, startFakeLiteLLM } from '../../world/litellm-fake/start.ts';
import { describeAdoption } from './adopt.contract.ts';

const createControlDatabase = useControlDatabases();
let litellm: FakeLiteLLM;
beforeAll(async () => {
  litellm = await startFakeLiteLLM({ masterKey: 'sk-master-of-the-fake' });
});
afterAll(() => litellm.close());

describeAdoption('adoption on the fake LiteLLM', () => ({ litellm, createControlDatabase }));
