// Makes a private bucket with versions on, as docs/install.md asks for. The product never does: it is given a bucket.

import { AwsClient } from 'aws4fetch';
import type { Rgw } from './rgw.ts';

/** Owned by the first user. */
export async function makeBucket({ endpoint, users: [owner] }: Rgw, name: string): Promise<void> {
  if (owner === undefined) throw new Error('RGW was started without a user.');
  const client = new AwsClient({ ...owner, service: 's3', region: 'us-east-1' });
  const versioning = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
  for (const [address, body] of [
    [`${endpoint}/${name}`, ''],
    [`${endpoint}/${name}?versioning`, versioning],
  ] as const) {
    const response = await client.fetch(address, { method: 'PUT', body });
    if (!response.ok)
      throw new Error(`Making the bucket ${name} was answered ${response.status}: ${await response.text()}`);
  }
}
