// Judges the signature of an S3 request as AWS describes it, from the request alone: the double must refuse what
// Spaces refuses. https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export type SignedRequest = {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: Uint8Array;
};

export type S3Credentials = { readonly accessKeyId: string; readonly secretAccessKey: string };

/** Ceph and AWS allow a quarter of an hour. */
const LARGEST_SKEW_MS = 15 * 60 * 1000;

/** Undefined when it holds, otherwise S3's code. */
export function findSignatureProblem(
  request: SignedRequest,
  { accessKeyId, secretAccessKey }: S3Credentials,
  now: Date,
): 'AccessDenied' | 'InvalidAccessKeyId' | 'SignatureDoesNotMatch' | 'RequestTimeTooSkewed' | undefined {
  const { method, url, headers, body } = request;
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;
  const [, keyId, day = '', region = '', signedHeaders = '', signature = ''] =
    pattern.exec(headers.get('authorization') ?? '') ?? [];
  if (keyId === undefined) return 'AccessDenied';
  if (keyId !== accessKeyId) return 'InvalidAccessKeyId';
  const at = headers.get('x-amz-date') ?? '';
  const atMs = Date.parse(at.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!(Math.abs(now.getTime() - atMs) <= LARGEST_SKEW_MS)) return 'RequestTimeTooSkewed';

  const contentHash = headers.get('x-amz-content-sha256') ?? '';
  if (contentHash !== createHash('sha256').update(body).digest('hex')) return 'SignatureDoesNotMatch';
  const query = [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const lines = signedHeaders.split(';').map((name) => `${name}:${(headers.get(name) ?? '').trim()}\n`);
  const path = url.pathname.split('/').map(decodeURIComponent).map(encode).join('/');
  const canonical = [method, path, query, lines.join(''), signedHeaders, contentHash].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', at, scope, createHash('sha256').update(canonical).digest('hex')].join(
    '\n',
  );
  const key = [day, region, 's3', 'aws4_request'].reduce<Buffer>(sign, Buffer.from(`AWS4${secretAccessKey}`));
  return timingSafeEqual(sign(key, text), Buffer.from(signature, 'hex'))
    ? undefined
    : 'SignatureDoesNotMatch';
}

function sign(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
