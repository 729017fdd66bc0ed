import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { seal, unseal } from '../../lib/portal/seal.ts';
import { newKey } from './portal-fixture.ts';

const schema = z.strictObject({ a: z.number() });

test('what was sealed is read with the same key for the same purpose only', async () => {
  const key = newKey();
  const text = await seal(key, 'session', { a: 1 });

  expect(await unseal(key, 'session', text, schema)).toEqual({ a: 1 });
  expect(await unseal(key, 'sign-in', text, schema)).toBeUndefined();
  expect(await unseal(newKey(), 'session', text, schema)).toBeUndefined();
  expect(await unseal(key, 'session', text, z.strictObject({ b: z.number() }))).toBeUndefined();
});

test('the same value is another text each time, and shows nothing of it', async () => {
  const key = newKey();
  const [first, second] = [
    await seal(key, 'session', { a: 12345 }),
    await seal(key, 'session', { a: 12345 }),
  ];

  expect(first).not.toBe(second);
  expect(Buffer.from(first, 'base64url').toString('latin1')).not.toContain('12345');
});

test('any text is a value or none, never a crash', async () => {
  const key = newKey();
  const parts = fc.array(fc.base64String(), { maxLength: 6 }).map((texts) => texts.join('.'));

  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), parts), async (text) => {
      expect(await unseal(key, 'session', text, schema)).toBeUndefined();
    }),
  );
});
