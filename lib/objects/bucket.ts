// One bucket of Spaces, or of any other S3: the calls we make and what their answers mean. What is written here is
// written once. Spaces' enforcement of If-None-Match is not documented and Ceph RGW ignores it in versioned buckets
// (measured on 16.2), so that header is only a help: an object counts when it was read back byte by byte.

import { createHash } from 'node:crypto';
import { XMLParser } from 'fast-xml-parser';
import * as z from 'zod';
import { ControlError } from '../errors.ts';
import { createObjectTransport, type ObjectTransportOptions } from './transport.ts';

export type ObjectEntry = { readonly key: string; readonly sizeBytes: number };

export type Bucket = {
  readonly name: string;
  /** Resolves when the bucket holds exactly these bytes under `key`; a repeat is harmless.
   *  @throws ControlError OBJECT_CONFLICT when others are there, and those of every call */
  storeOnce(key: string, content: Uint8Array, signal: AbortSignal): Promise<void>;
  /** The whole object, or undefined when there is none; 64 MiB at most. */
  find(key: string, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** All objects whose key starts with `prefix`, in the order of their keys. */
  list(prefix: string, signal: AbortSignal): Promise<ObjectEntry[]>;
  /** Whether an older version survives an overwrite. */
  isVersioned(signal: AbortSignal): Promise<boolean>;
  /** Whether a stranger may list it. */
  isPublic(signal: AbortSignal): Promise<boolean>;
};

/** Every call throws ControlError OBJECTS_UNAVAILABLE (after its retries), OBJECTS_DENIED, OBJECTS_REFUSED. */
export type BucketOptions = ObjectTransportOptions;

const LARGEST_OBJECT_BYTES = 64 * 1024 * 1024;

const parser = new XMLParser({
  parseTagValue: false,
  isArray: (name) => name === 'Contents',
});
const listSchema = z.object({
  ListBucketResult: z.object({
    IsTruncated: z.enum(['true', 'false']),
    NextContinuationToken: z.string().optional(),
    Contents: z.array(z.object({ Key: z.string().min(1), Size: z.string().regex(/^\d+$/) })).default([]),
  }),
});
/** RGW answers an empty element where versioning was never set. */
const versioningSchema = z.object({
  VersioningConfiguration: z.union([z.object({ Status: z.string().optional() }), z.literal('')]),
});

/** Nothing is asked before the first call. */
export function createBucket(options: BucketOptions): Bucket {
  const transport = createObjectTransport(options);

  async function find(key: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const answer = await transport.call({ method: 'GET', key, largestBytes: LARGEST_OBJECT_BYTES }, signal);
    return answer.status === 404 ? undefined : answer.body;
  }

  return {
    name: options.bucket,
    find,

    async storeOnce(key, content, signal) {
      const before = await find(key, signal);
      if (before === undefined) {
        await transport.call(
          {
            method: 'PUT',
            key,
            body: content,
            headers: {
              'if-none-match': '*',
              'content-type': 'application/octet-stream',
              'content-md5': createHash('md5').update(content).digest('base64'),
            },
          },
          signal,
        );
      }
      const stored = before ?? (await find(key, signal));
      if (stored !== undefined && Buffer.compare(stored, content) === 0) return;
      throw new ControlError(
        'OBJECT_CONFLICT',
        `Spaces has another object as ${key} than the one just written; look at its versions in the bucket, nothing was replaced by us.`,
        { details: { key } },
      );
    },

    async list(prefix, signal) {
      const entries: ObjectEntry[] = [];
      let token: string | undefined;
      do {
        const query: Record<string, string> = { 'list-type': '2', prefix };
        if (token !== undefined) query['continuation-token'] = token;
        const page = parseXml(
          listSchema,
          await transport.call({ method: 'GET', query }, signal),
        ).ListBucketResult;
        entries.push(...page.Contents.map(({ Key, Size }) => ({ key: Key, sizeBytes: Number(Size) })));
        const next = page.IsTruncated === 'true' ? page.NextContinuationToken : undefined;
        // A list that says it goes on and not where, or goes in a circle, is incomplete: never a shorter list.
        if (page.IsTruncated === 'true' && (next === undefined || next === token)) throw unreadable('list');
        token = next;
      } while (token !== undefined);
      return entries;
    },

    async isVersioned(signal) {
      const answer = await transport.call({ method: 'GET', query: { versioning: '' } }, signal);
      const { VersioningConfiguration: found } = parseXml(versioningSchema, answer);
      return found !== '' && found.Status === 'Enabled';
    },

    async isPublic(signal) {
      const answer = await transport.call(
        { method: 'GET', query: { 'list-type': '2', 'max-keys': '1' }, isUnsigned: true },
        signal,
      );
      return answer.status !== 403;
    },
  };
}

function parseXml<T>(
  schema: z.ZodType<T>,
  answer: { readonly status: number; readonly body: Uint8Array },
): T {
  if (answer.status === 404)
    throw new ControlError(
      'OBJECTS_DENIED',
      'There is no such bucket; correct SPACES_BUCKET and SPACES_ENDPOINT.',
    );
  try {
    return schema.parse(parser.parse(Buffer.from(answer.body).toString()));
  } catch (cause) {
    throw unreadable('answer', cause);
  }
}

function unreadable(what: string, cause?: unknown): ControlError {
  return new ControlError(
    'OBJECTS_REFUSED',
    `Spaces gave a ${what} that this version cannot read; check SPACES_ENDPOINT, it must be Spaces and not the CDN.`,
    { cause },
  );
}
