// What becomes of a call to DigitalOcean that failed: tried again after a wait, or given up with a code. Pure.
//
// A read is tried again. A write is tried again only when the API said that it did nothing (429): after a 5xx or silence
// it may have been carried out, droplets may share a name, and a second POST would make a second one.

import { ControlError } from '../../errors.ts';
import type { CallFailure, CloudRequest } from './send.ts';

export type Verdict = { readonly waitMs: number } | { readonly error: ControlError };

export type RetryQuestion = {
  readonly request: Pick<CloudRequest, 'method' | 'path'>;
  readonly failure: CallFailure;
  /** Attempts made so far, from 1. */
  readonly attemptCount: number;
  /** 0 up to 1. */
  readonly random: () => number;
};

const MAX_ATTEMPTS = 6;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;
/** The limit a minute is over by then; the one an hour is not worth sitting through (shared/headers.yml: 250 and 5000). */
const LONGEST_RETRY_AFTER_MS = 120_000;

/** The codes: CLOUD_UNAVAILABLE, CLOUD_OUTCOME_UNKNOWN, CLOUD_DENIED, CLOUD_REFUSED. */
export function judgeFailure(question: RetryQuestion): Verdict {
  const { request, failure, attemptCount } = question;
  const { status, retryAfterMs } = failure;
  if (status === 401 || status === 403) return { error: denied(question) };
  const isThrottled = status === 429;
  const mayHaveHappened = status === undefined || status >= 500;
  if (!isThrottled && !mayHaveHappened) return { error: refused(question) };
  if (mayHaveHappened && request.method !== 'GET') return { error: unknownOutcome(question) };
  const tooLong = retryAfterMs !== undefined && retryAfterMs > LONGEST_RETRY_AFTER_MS;
  if (attemptCount >= MAX_ATTEMPTS || tooLong) return { error: unavailable(question) };
  return { waitMs: retryAfterMs ?? backoff(question) };
}

function backoff({ attemptCount, random }: RetryQuestion): number {
  const longest = Math.min(FIRST_WAIT_MS * 2 ** (attemptCount - 1), LONGEST_WAIT_MS);
  return Math.round(longest / 2 + (longest / 2) * random());
}

const describe = ({ request }: RetryQuestion) => `${request.method} /v2${request.path}`;
const details = ({ request, failure }: RetryQuestion) => ({
  path: request.path,
  ...(failure.status === undefined ? {} : { status: failure.status }),
  ...(failure.id === undefined ? {} : { id: failure.id }),
});

function unavailable(question: RetryQuestion): ControlError {
  const { message, retryAfterMs } = question.failure;
  const wait = retryAfterMs === undefined ? '' : ` It asks to wait ${Math.ceil(retryAfterMs / 1000)} s.`;
  return new ControlError(
    'CLOUD_UNAVAILABLE',
    `DigitalOcean did not answer ${describe(question)} (${message}).${wait} Run the command again; it goes on where it stopped.`,
    { retryable: true, details: details(question), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  );
}

function unknownOutcome(question: RetryQuestion): ControlError {
  return new ControlError(
    'CLOUD_OUTCOME_UNKNOWN',
    `DigitalOcean did not say what became of ${describe(question)} (${question.failure.message}). Run the command again in a minute: it looks at what is there before it makes anything.`,
    { retryable: true, details: details(question) },
  );
}

function denied(question: RetryQuestion): ControlError {
  const next =
    question.failure.status === 401
      ? 'Put a valid token into DIGITALOCEAN_TOKEN.'
      : 'The token lacks a scope; docs/provision.md lists those it needs.';
  return new ControlError('CLOUD_DENIED', `DigitalOcean refused ${describe(question)}. ${next}`, {
    details: details(question),
  });
}

function refused(question: RetryQuestion): ControlError {
  return new ControlError(
    'CLOUD_REFUSED',
    `DigitalOcean refused ${describe(question)} (${question.failure.message}${question.failure.id ? `, ${question.failure.id}` : ''}). Correct droplet/droplet.yml, or look at the account's limits in the control panel.`,
    { details: details(question) },
  );
}
