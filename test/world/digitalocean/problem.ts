// Refusals in the form of the API: {id, message, request_id} (digitalocean/openapi, specification/shared/models/error.yml).

import { HTTPException } from 'hono/http-exception';

const IDS: Readonly<Record<number, string>> = {
  400: 'bad_request',
  401: 'unauthorized',
  404: 'not_found',
  409: 'conflict',
  422: 'unprocessable_entity',
  429: 'too_many_requests',
  500: 'server_error',
  503: 'service_unavailable',
};

export function problemResponse(
  status: number,
  message: string,
  headers: Record<string, string> = {},
): Response {
  const body = { id: IDS[status] ?? 'error', message, request_id: '4d9d8375-3c56-4925-a3e7-eb137fed17e9' };
  return Response.json(body, { status, headers });
}

/** Ends the handling of a request with this refusal. */
export function refuse(status: 400 | 401 | 404 | 409 | 422, message: string): never {
  throw new HTTPException(status, { res: problemResponse(status, message) });
}

export const notFound = (): never => refuse(404, 'The resource you were accessing could not be found.');
