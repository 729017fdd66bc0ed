// What the simulated tenant answers, before it is written to the wire, and the error forms of Graph and Entra.

import { randomUUID } from 'node:crypto';

export type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
};

/** A JSON answer of Graph. */
export function graphReply(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  const requestId = randomUUID();
  return {
    status,
    headers: { 'request-id': requestId, 'client-request-id': requestId, 'OData-Version': '4.0', ...headers },
    body,
  };
}

/** A page for a person. */
export function htmlReply(status: number, page: string): Reply {
  return {
    status,
    headers: { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' },
    body: page,
  };
}

/** Graph's error form. https://learn.microsoft.com/graph/errors */
export function graphError(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  const requestId = randomUUID();
  const innerError = { date: '2026-01-01T00:00:00', 'request-id': requestId, 'client-request-id': requestId };
  return graphReply(
    status,
    { error: { code, message, innerError } },
    { 'request-id': requestId, 'client-request-id': requestId, ...headers },
  );
}

/** The tenant does not simulate this: never mistaken for an answer that Microsoft would give. */
export function notSimulated(what: string): Reply {
  return graphError(
    501,
    'NotSimulated',
    `The simulated tenant does not know ${what}; extend test/world/tenant.`,
  );
}

/** Entra's error form at the token endpoint, AADSTS number included. */
export function entraError(status: number, error: string, number: number, message: string): Reply {
  return {
    status,
    headers: {},
    body: {
      error,
      error_description: `AADSTS${number}: ${message}`,
      error_codes: [number],
      timestamp: '2026-01-01 00:00:00Z',
      trace_id: randomUUID(),
      correlation_id: randomUUID(),
    },
  };
}

const STATUS_CODES: Readonly<Record<number, string>> = {
  400: 'Request_BadRequest',
  401: 'InvalidAuthenticationToken',
  403: 'Authorization_RequestDenied',
  404: 'Request_ResourceNotFound',
  429: 'TooManyRequests',
  500: 'InternalServerError',
  503: 'serviceNotAvailable',
  504: 'gatewayTimeout',
};

/** The answer Graph gives with `status` when it cannot serve. */
export function failureReply(status: number, retryAfterSeconds?: number): Reply {
  const code = STATUS_CODES[status] ?? 'UnknownError';
  return graphError(status, code, 'The request failed on purpose.', retryAfter(retryAfterSeconds));
}

/** The same at the token endpoint. */
export function entraFailure(status: number, retryAfterSeconds?: number): Reply {
  const reply = entraError(status, 'temporarily_unavailable', 90033, 'A transient error has occurred.');
  return { ...reply, headers: retryAfter(retryAfterSeconds) };
}

function retryAfter(seconds: number | undefined): Readonly<Record<string, string>> {
  return seconds === undefined ? {} : { 'Retry-After': String(seconds) };
}
