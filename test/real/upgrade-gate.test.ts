// The gate of an upgrade, as the droplet runs it, asks the real LiteLLM.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, inject, test } from 'vitest';

const world = inject('world');
const GATE = readFileSync(
  path.resolve(import.meta.dirname, '..', '..', 'droplet', 'upgrade', 'gate.py'),
  'utf8',
);

function gate(wanted: string, key = world.litellmAdminKey): Promise<{ code: number | null; out: string }> {
  return new Promise((resolve) => {
    const env = {
      PATH: process.env.PATH,
      LITELLM_GATE: wanted,
      LITELLM_GATE_URL: world.litellmBaseUrl,
      LITELLM_MASTER_KEY: key,
    };
    const child = spawn('python3', ['-'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.on('close', (code) => resolve({ code, out: out.trim() }));
    child.stdin.end(GATE);
  });
}

test('the real LiteLLM names its version, passes as that one, and as no other', async () => {
  const { code, out: version } = await gate('version');

  expect([code, version]).toEqual([0, expect.stringMatching(/^1\.\d+\.\d+$/)]);
  expect(await gate(`v${version}`)).toEqual({
    code: 0,
    out: expect.stringContaining(`ready, version ${version}`),
  });
  expect(await gate('1.0.0')).toEqual({ code: 1, out: `it calls itself ${version}` });
});

test('without the master key it does not pass, and says no more than the status', async () => {
  expect(await gate('version', 'sk-of-nobody')).toEqual({
    code: 1,
    out: expect.stringMatching(/^HTTPError 40[0-9]$/),
  });
});
