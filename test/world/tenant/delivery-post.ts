// One POST from Microsoft to an address of the subscriber: what came back, or that nothing did.

export type PostRequest = {
  readonly url: string;
  readonly contentType: string;
  readonly body: string;
  /** How long an answer is waited for. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

export type PostOutcome =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly contentType: string;
      readonly body: string;
    }
  /** Nobody listened, the connection broke, or the time was over. */
  | { readonly kind: 'unanswered' };

export type Post = (request: PostRequest) => Promise<PostOutcome>;

/** Posts over HTTP and follows no redirect; never throws. The time limit is the machine's, since a network cannot
 *  run on a clock that jumps. */
export async function postOverHttp({
  url,
  contentType,
  body,
  timeoutMs,
  signal,
}: PostRequest): Promise<PostOutcome> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': contentType },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    return {
      kind: 'answered',
      status: response.status,
      contentType: response.headers.get('content-type') ?? '',
      body: await response.text(),
    };
  } catch {
    return { kind: 'unanswered' };
  }
}
