// A request from the web into the event a function receives, and its result into the response.
// https://docs.digitalocean.com/products/functions/reference/parameters-responses/

import type { FunctionDeployment } from '../../../lib/platform/project.ts';

/** Bodies of these kinds are handed over as text, all others in base64. */
const TEXT = /^(text\/|application\/(json|.*\+json|xml|.*\+xml|javascript|x-www-form-urlencoded))/;

/** The event of a web function; `path` is what follows its name, '' or with a leading slash. */
export async function readWebEvent(
  request: Request,
  path: string,
  web: true | 'raw',
): Promise<Record<string, unknown>> {
  const { method } = request;
  const headers = Object.fromEntries(request.headers);
  const url = new URL(request.url);
  const bytes = Buffer.from(await request.arrayBuffer());
  const contentType = request.headers.get('content-type') ?? '';
  if (web === 'raw') {
    const isBase64Encoded = bytes.length > 0 && !TEXT.test(contentType);
    const body = bytes.toString(isBase64Encoded ? 'base64' : 'utf8');
    return {
      http: { body, isBase64Encoded, queryString: url.search.slice(1), headers, method: method, path },
    };
  }
  const query = Object.fromEntries(url.searchParams);
  return { ...query, ...parseBody(bytes.toString('utf8'), contentType), http: { headers, method, path } };
}

function parseBody(text: string, contentType: string): Record<string, unknown> {
  if (text === '') return {};
  if (contentType.startsWith('application/x-www-form-urlencoded')) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SyntaxError('not an object');
  return value as Record<string, unknown>;
}

/** The response for `{ statusCode, headers, body }`; an object as body is sent as JSON. */
export function renderWebResponse(result: Readonly<Record<string, unknown>>): Response {
  const { statusCode, body } = result;
  const headers = new Headers();
  for (const [name, value] of Object.entries((result.headers ?? {}) as Record<string, unknown>)) {
    // Several values under one name, as Set-Cookie needs.
    for (const item of Array.isArray(value) ? value : [value]) headers.append(name, String(item));
  }
  const status = typeof statusCode === 'number' ? statusCode : body === undefined ? 204 : 200;
  if (body === undefined || body === null || body === '') return new Response(null, { status, headers });
  if (typeof body !== 'string') {
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    return new Response(JSON.stringify(body), { status, headers });
  }
  if (!headers.has('content-type')) headers.set('content-type', 'text/html; charset=UTF-8');
  const isText = TEXT.test(headers.get('content-type') ?? '');
  return new Response(isText ? body : Buffer.from(body, 'base64'), { status, headers });
}

/** Whether the caller sent the secret that project.yml asks for (webSecure). */
export function isWebCallerAllowed(request: Request, spec: FunctionDeployment): boolean {
  return spec.webSecret === undefined || request.headers.get('x-require-whisk-auth') === spec.webSecret;
}
