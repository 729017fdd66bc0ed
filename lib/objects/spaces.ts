// The bucket that the settings name.

import type { Clock } from '../clock.ts';
import type { Settings, SPACES_SETTINGS } from '../config.ts';
import { type Bucket, createBucket } from './bucket.ts';

/** 3 MB over a slow line; longer is silence. */
const ATTEMPT_TIMEOUT_MS = 20_000;

export function createSpacesBucket(
  settings: Settings<(typeof SPACES_SETTINGS)[number]>,
  clock: Clock,
): Bucket {
  return createBucket({
    endpoint: settings.SPACES_ENDPOINT,
    region: settings.SPACES_REGION,
    bucket: settings.SPACES_BUCKET,
    accessKeyId: settings.SPACES_ACCESS_KEY_ID,
    secretAccessKey: settings.SPACES_SECRET_ACCESS_KEY,
    clock,
    timeoutMs: ATTEMPT_TIMEOUT_MS,
  });
}
