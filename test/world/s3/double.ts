// Stands in for Spaces where Ceph RGW is not installed: one private, versioned bucket that verifies signatures, and
// injects faults as data. What it does beyond that is held to the real server by test/objects/bucket.contract.ts.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { type HttpBindings, serve } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono } from 'hono';
import { type Clock, systemClock } from '../../../lib/clock.ts';
import { findSignatureProblem, type S3Credentials } from './signature.ts';

export type S3Fault = {
  /** Which requests: `PUT audit/…`, `GET ?list-type=2…`. */
  readonly on: RegExp;
  /** `busy` answers 503 SlowDown; `lost` stores and cuts the connection; `cut` sends half of an answer's body;
   *  `silent` never answers. */
  readonly kind: 'busy' | 'lost' | 'cut' | 'silent';
  /** So many times; once without it. */
  times?: number;
};

export type S3Double = {
  readonly endpoint: string;
  readonly bucket: string;
  readonly credentials: S3Credentials;
  /** The newest version of every object. */
  readonly objects: Map<string, Buffer>;
  readonly faults: S3Fault[];
  /** What was asked, `PUT audit/…`, oldest first. */
  readonly requests: string[];
  isVersioned: boolean;
  isPublic: boolean;
  close(): Promise<void>;
};

export type S3DoubleOptions = {
  readonly port?: number;
  readonly bucket?: string;
  readonly credentials?: S3Credentials;
  /** Keeps the objects for the next start. */
  readonly dir?: string;
  readonly clock?: Clock;
  /** Of a listing; S3's is 1,000. */
  readonly pageSize?: number;
};

const DEFAULT_CREDENTIALS = { accessKeyId: 'AKDOUBLE', secretAccessKey: 'secret-of-the-double' };

export async function startS3Double(options: S3DoubleOptions = {}): Promise<S3Double> {
  const {
    port = 0,
    bucket = 'control-plane',
    credentials = DEFAULT_CREDENTIALS,
    dir,
    clock = systemClock,
  } = options;
  const objects = new Map<string, Buffer>(dir === undefined ? [] : readObjects(dir));
  const double = { bucket, credentials, objects, faults: [] as S3Fault[], requests: [] as string[] };
  const state = { isVersioned: true, isPublic: false };
  const closing = new AbortController();
  const app = new Hono<{ Bindings: HttpBindings }>();

  app.all('*', async (context) => {
    const url = new URL(context.req.url);
    const [, name = '', ...rest] = decodeURIComponent(url.pathname).split('/');
    const key = rest.join('/');
    const method = context.req.method;
    const body = Buffer.from(await context.req.arrayBuffer());
    const what = `${method} ${key || url.search}`;
    double.requests.push(what);
    const fault = takeFault(double.faults, what);
    if (fault === 'busy') return problem(503, 'SlowDown');
    if (fault === 'silent') await new Promise((resolve) => closing.signal.addEventListener('abort', resolve));

    const request = { method, url, headers: context.req.raw.headers, body };
    const refusal = findSignatureProblem(request, credentials, clock.now());
    const isListing = method === 'GET' && key === '' && url.searchParams.has('list-type');
    if (refusal !== undefined && !(state.isPublic && isListing)) return problem(403, refusal);
    if (name !== bucket) return problem(404, 'NoSuchBucket');
    const answer = answerCall({ method, key, url, headers: request.headers, body });
    if (fault === undefined) return answer;
    const whole = Buffer.from(await answer.arrayBuffer());
    const begin = fault === 'lost' ? Buffer.of() : whole.subarray(0, whole.length / 2);
    return cutOff(context.env.outgoing, begin, whole.length + 1);
  });

  function answerCall(call: {
    method: string;
    key: string;
    url: URL;
    headers: Headers;
    body: Buffer;
  }): Response {
    const { method, key, url, headers, body } = call;
    if (key === '' && url.searchParams.has('versioning')) {
      const status = state.isVersioned ? '<Status>Enabled</Status>' : '';
      return xml(`<VersioningConfiguration>${status}</VersioningConfiguration>`);
    }
    if (key === '') return list(url);
    if (method === 'GET') {
      const content = objects.get(key);
      return content === undefined ? problem(404, 'NoSuchKey') : new Response(new Uint8Array(content));
    }
    const md5 = headers.get('content-md5');
    if (md5 !== null && md5 !== createHash('md5').update(body).digest('base64'))
      return problem(400, 'BadDigest');
    // As RGW does in a versioned bucket: If-None-Match is not enforced.
    if (!state.isVersioned && headers.get('if-none-match') === '*' && objects.has(key))
      return problem(412, 'PreconditionFailed');
    objects.set(key, body);
    if (dir !== undefined) writeFileSync(join(dir, encodeURIComponent(key)), body);
    return new Response(null, { status: 200 });
  }

  function list(url: URL): Response {
    const { pageSize = 1_000 } = options;
    const after = url.searchParams.get('continuation-token') ?? '';
    const prefix = url.searchParams.get('prefix') ?? '';
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    const page = keys.slice(0, pageSize);
    const isTruncated = keys.length > page.length;
    const entries = page.map(
      (key) =>
        `<Contents><Key>${escapeXml(key)}</Key><Size>${objects.get(key)?.length ?? 0}</Size></Contents>`,
    );
    const next = isTruncated
      ? `<NextContinuationToken>${escapeXml(page.at(-1) ?? '')}</NextContinuationToken>`
      : '';
    return xml(
      `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${next}${entries.join('')}</ListBucketResult>`,
    );
  }

  const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' });
  if (!server.listening) await once(server, 'listening');
  const address = server.address();
  const endpoint = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : port}`;
  return Object.assign(state, double, {
    endpoint,
    close: async () => {
      closing.abort();
      const closed = once(server, 'close');
      server.close();
      if ('closeAllConnections' in server) server.closeAllConnections();
      await closed;
    },
  });
}

function takeFault(faults: S3Fault[], what: string): S3Fault['kind'] | undefined {
  const fault = faults.find(({ on, times = 1 }) => times > 0 && on.test(what));
  if (fault !== undefined) fault.times = (fault.times ?? 1) - 1;
  return fault?.kind;
}

/** An answer that promises `sizeBytes` and breaks after `begin`. */
function cutOff(
  outgoing: Pick<ServerResponse, 'writeHead' | 'write' | 'destroy'>,
  begin: Uint8Array,
  sizeBytes: number,
): Response {
  outgoing.writeHead(200, { 'content-length': String(sizeBytes) });
  outgoing.write(begin, () => outgoing.destroy());
  return RESPONSE_ALREADY_SENT;
}

function readObjects(dir: string): [string, Buffer][] {
  if (!existsSync(dir)) mkdirSync(dir, { recursive: true });
  return readdirSync(dir).map((name) => [decodeURIComponent(name), readFileSync(join(dir, name))]);
}

function problem(status: number, code: string): Response {
  return xml(`<Error><Code>${code}</Code></Error>`, status);
}

function xml(text: string, status = 200): Response {
  return new Response(`<?xml version="1.0" encoding="UTF-8"?>${text}`, {
    status,
    headers: { 'content-type': 'application/xml' },
  });
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
