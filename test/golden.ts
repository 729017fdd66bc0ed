// Compares a text that people read with its golden file. `UPDATE_GOLDEN=1` rewrites the files, never in CI.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';

const folder = path.join(import.meta.dirname, 'golden');

export function expectGolden(name: string, text: string): void {
  const file = path.join(folder, name);
  if (process.env.UPDATE_GOLDEN === '1') {
    if (process.env.CI) throw new Error('Golden files are not updated in CI.');
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  expect(text).toBe(readFileSync(file, 'utf8'));
}
