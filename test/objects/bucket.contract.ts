// What our client expects of Spaces: one suite, called with the double and with a real Ceph RGW.

import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { type BucketOptions, createBucket } from '../../lib/objects/bucket.ts';
import { Secret } from '../../lib/secret.ts';

export type BucketWorld = {
  /** Of the owner of a private, versioned bucket. */
  readonly options: () => Omit<BucketOptions, 'clock' | 'timeoutMs'>;
};

export function describeBucketContract(name: string, { options }: BucketWorld): void {
  describe(`the bucket, on ${name}`, () => {
    const signal = new AbortController().signal;
    const open = (changes: Partial<BucketOptions> = {}) =>
      createBucket({ ...options(), clock: systemClock, timeoutMs: 10_000, ...changes });
    const newKey = () => `contract/${randomUUID()}/a b+c&ü.jsonl`;

    test('what is stored once is read back byte by byte, and storing it again changes nothing', async () => {
      const bucket = open();
      const [key, content] = [newKey(), randomBytes(100_000)];

      await bucket.storeOnce(key, content, signal);
      await bucket.storeOnce(key, content, signal);

      expect(Buffer.compare((await bucket.find(key, signal)) ?? Buffer.of(), content)).toBe(0);
    });

    test('other content under a name that is written once is refused, and what is there stays', async () => {
      const bucket = open();
      const key = newKey();
      await bucket.storeOnce(key, Buffer.from('first'), signal);

      await expect(bucket.storeOnce(key, Buffer.from('other'), signal)).rejects.toMatchObject({
        code: 'OBJECT_CONFLICT',
      });

      expect(Buffer.from((await bucket.find(key, signal)) ?? '').toString()).toBe('first');
    });

    test('an empty object is an object, and one that is not there is undefined', async () => {
      const bucket = open();
      const key = newKey();
      await bucket.storeOnce(key, Buffer.of(), signal);

      expect((await bucket.find(key, signal))?.length).toBe(0);
      expect(await bucket.find(newKey(), signal)).toBeUndefined();
    });

    test('a listing has every object below its prefix, in order, with its size', async () => {
      const bucket = open();
      const prefix = `list/${randomUUID()}/`;
      const keys = Array.from({ length: 12 }, (_, i) => `${prefix}${String(i).padStart(3, '0')} & <ü>`);
      for (const key of keys.toReversed()) await bucket.storeOnce(key, Buffer.from(key), signal);

      const entries = await bucket.list(prefix, signal);

      expect(entries).toEqual(keys.map((key) => ({ key, sizeBytes: Buffer.byteLength(key) })));
      expect(await bucket.list(`${prefix}none`, signal)).toEqual([]);
    });

    test('it says that it is versioned and not public', async () => {
      expect([await open().isVersioned(signal), await open().isPublic(signal)]).toEqual([true, false]);
    });

    test.each([
      ['a wrong secret', { secretAccessKey: new Secret('wrong') }],
      ['an unknown access key', { accessKeyId: new Secret('AKNOBODY') }],
    ])('%s is refused for reading, writing and listing', async (_what, changes) => {
      const bucket = open(changes);

      const calls: (() => Promise<unknown>)[] = [
        () => bucket.find('x', signal),
        () => bucket.storeOnce('x', Buffer.from('x'), signal),
        () => bucket.list('', signal),
      ];
      for (const call of calls)
        await expect(call()).rejects.toMatchObject({ code: 'OBJECTS_DENIED', retryable: false });
    });

    test('a bucket that is not there is said', async () => {
      const bucket = open({ bucket: 'no-such-bucket' });

      await expect(bucket.list('', signal)).rejects.toMatchObject({ code: 'OBJECTS_DENIED' });
    });
  });
}
