// The demo, as `npm run demo` runs it: every step of the story holds on the real LiteLLM, and no plaintext key is
// left in any file, row or activation record.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..', '..');

test('the demo holds and leaves no plaintext key behind', { timeout: 300_000 }, async () => {
  const { code, output } = await runDemo();

  expect(code, output).toBe(0);
  expect(output).toContain('Every step held.');
  expect(output).toMatch(/ok +no plaintext key in any file, row or log.*\n +\d{2} keys searched for/);
  expect(output).not.toMatch(/sk-[\w-]{43}/);
});

function runDemo(): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(root, 'test/world/demo.ts')], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}
