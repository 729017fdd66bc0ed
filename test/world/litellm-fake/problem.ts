// LiteLLM's ways to say no, in the forms measured on 1.106.2.

import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

type ProblemFields = { readonly message: string; readonly type?: string; readonly param?: string | null };

/** `{ error: { message, type, param, code } }`, as most endpoints answer. */
export function createProblem(status: ContentfulStatusCode, fields: ProblemFields): HTTPException {
  const { message, type = 'internal_server_error', param = null } = fields;
  return createAnswer(status, { error: { message, type, param, code: String(status) } });
}

/** `{ detail: { error } }`, as /team/member_add and /team/member_delete answer. */
export function createDetail(status: ContentfulStatusCode, error: string): HTTPException {
  return createAnswer(status, { detail: { error } });
}

export function createAnswer(status: ContentfulStatusCode, body: unknown): HTTPException {
  return new HTTPException(status, { res: Response.json(body, { status }) });
}
