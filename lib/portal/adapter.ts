// Between DigitalOcean's raw web event and the web's own Request and Response.
// https://docs.digitalocean.com/products/functions/reference/parameters-responses/

import * as z from 'zod';

export type WebAnswer = {
  readonly statusCode: number;
  /** Several values under one name as a list, as OpenWhisk documents it (docs/webactions.md there). */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string;
};

const eventSchema = z.object({
  http: z.object({
    method: z.string().toUpperCase(),
    path: z.string(),
    queryString: z.string().default(''),
    headers: z.record(z.string(), z.string()).default({}),
    body: z.string().default(''),
    isBase64Encoded: z.boolean().default(false),
  }),
});

/** The request on the address that people see, whatever name the function was called by; undefined for an event
 *  that no browser would cause. */
export function readRequest(event: unknown, publicBaseUrl: string): Request | undefined {
  const http = eventSchema.safeParse(event).data?.http;
  if (http === undefined) return undefined;
  const { method, path, queryString, headers, body, isBase64Encoded } = http;
  try {
    const url = new URL(`${publicBaseUrl}${path}${queryString === '' ? '' : `?${queryString}`}`);
    if (url.origin !== publicBaseUrl) return undefined;
    const hasBody = method !== 'GET' && method !== 'HEAD' && body !== '';
    const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
    return new Request(url, { method, headers, ...(hasBody ? { body: bytes } : {}) });
  } catch {
    return undefined;
  }
}

/** What the function returns for `response`, whose body must be text. */
export async function renderAnswer(response: Response): Promise<WebAnswer> {
  const headers: Record<string, string | readonly string[]> = Object.fromEntries(response.headers);
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) headers['set-cookie'] = cookies.length === 1 ? (cookies[0] ?? '') : cookies;
  return { statusCode: response.status, headers, body: await response.text() };
}
