// The bucket on the double, and what it does when Spaces is busy, silent, lying or gone.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { type Bucket, createBucket } from '../../lib/objects/bucket.ts';
import { Secret } from '../../lib/secret.ts';
import { type S3Double, startS3Double } from '../world/s3/double.ts';
import { describeBucketContract } from './bucket.contract.ts';

/** Waits are not waited for. */
const clock: Clock = { now: systemClock.now, sleep: async () => undefined };
const signal = new AbortController().signal;
let double: S3Double;

beforeAll(async () => {
  double = await startS3Double({ pageSize: 5 });
});
afterAll(() => double.close());
beforeEach(() => {
  double.objects.clear();
  double.faults.length = 0;
  double.requests.length = 0;
});

const options = () => ({
  endpoint: double.endpoint,
  region: 'fra1',
  bucket: double.bucket,
  accessKeyId: new Secret(double.credentials.accessKeyId),
  secretAccessKey: new Secret(double.credentials.secretAccessKey),
});
const open = (timeoutMs = 10_000): Bucket => createBucket({ ...options(), clock, timeoutMs });

describeBucketContract('the double', { options });

describe('faults', () => {
  test('a busy store is asked again, four times in all', async () => {
    double.faults.push({ on: /PUT/, kind: 'busy', times: 3 });
    await open().storeOnce('a', Buffer.from('a'), signal);
    expect(double.objects.get('a')?.toString()).toBe('a');

    double.faults.push({ on: /GET b/, kind: 'busy', times: 99 });
    await expect(open().find('b', signal)).rejects.toMatchObject({
      code: 'OBJECTS_UNAVAILABLE',
      retryable: true,
    });
    expect(double.requests.filter((request) => request === 'GET b')).toHaveLength(4);
  });

  test('a lost answer to a write that landed is found landed, and counts', async () => {
    double.faults.push({ on: /PUT/, kind: 'lost' });

    await open().storeOnce('a', Buffer.from('a'), signal);

    expect(double.objects.get('a')?.toString()).toBe('a');
  });

  test('an answer cut off in its middle is read again, never taken for the whole', async () => {
    const content = Buffer.alloc(300_000, 'x');
    double.objects.set('a', content);
    double.faults.push({ on: /GET a/, kind: 'cut' });

    expect((await open().find('a', signal))?.length).toBe(content.length);
  });

  test('a store that answers nothing is given up within the limit of each attempt', async () => {
    double.faults.push({ on: /GET a/, kind: 'silent', times: 99 });

    await expect(open(20).find('a', signal)).rejects.toMatchObject({ code: 'OBJECTS_UNAVAILABLE' });
  });

  test('a listing of several pages that fails on a later one is no shorter list', async () => {
    for (let i = 0; i < 12; i += 1) double.objects.set(`p/${i}`, Buffer.of());
    expect(await open().list('p/', signal)).toHaveLength(12);

    double.faults.push({ on: /continuation/, kind: 'busy', times: 99 });
    await expect(open().list('p/', signal)).rejects.toMatchObject({ code: 'OBJECTS_UNAVAILABLE' });
  });

  test('a bucket that strangers may list is found, and one without versions', async () => {
    double.isPublic = true;
    double.isVersioned = false;
    try {
      expect([await open().isPublic(signal), await open().isVersioned(signal)]).toEqual([true, false]);
    } finally {
      double.isPublic = false;
      double.isVersioned = true;
    }
  });

  test.each([
    ['a web page', 200, '<!doctype html><html><body>Welcome</body></html>', 'OBJECTS_REFUSED'],
    ['nothing', 200, '', 'OBJECTS_REFUSED'],
    [
      'a list that does not say where it goes on',
      200,
      listing('<IsTruncated>true</IsTruncated>'),
      'OBJECTS_REFUSED',
    ],
    [
      'a list in a circle',
      200,
      listing('<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>'),
      'OBJECTS_REFUSED',
    ],
    [
      'a list with a nameless object',
      200,
      listing('<IsTruncated>false</IsTruncated><Contents><Size>1</Size></Contents>'),
      'OBJECTS_REFUSED',
    ],
    ['a refusal that we do not know', 418, '', 'OBJECTS_REFUSED'],
  ])('a server that lists %s is refused', async (_what, status, body, code) => {
    const server = createServer((_request, response) => response.writeHead(status).end(body));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const bucket = createBucket({ ...options(), endpoint, clock, timeoutMs: 1_000 });

      await expect(bucket.list('', signal)).rejects.toMatchObject({ code });
    } finally {
      server.close();
    }
  });

  test('an address where nobody listens is unavailable', async () => {
    const nobody = createBucket({ ...options(), endpoint: 'http://127.0.0.1:1', clock, timeoutMs: 1_000 });

    await expect(nobody.list('', signal)).rejects.toMatchObject({ code: 'OBJECTS_UNAVAILABLE' });
  });

  test('no error and no log of it shows the secret', async () => {
    double.faults.push({ on: /./, kind: 'busy', times: 99 });
    const error = await open()
      .find('a', signal)
      .catch((reason: unknown) => reason);

    expect(JSON.stringify([error, String(error), Object.entries(error as object)])).not.toContain(
      double.credentials.secretAccessKey,
    );
  });
});

function listing(content: string): string {
  return `<ListBucketResult>${content}</ListBucketResult>`;
}
