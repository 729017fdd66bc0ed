// Makes one stated fault happen around the handling of one request.

import { once } from 'node:events';
import type { Fault } from './faults.ts';
import { problemResponse } from './problem.ts';

/** The connection ends without an answer; fetch says it with a TypeError. */
export class ConnectionReset extends TypeError {
  override readonly name = 'ConnectionReset';
}

/** Runs `handle`, the real handling, before, after or not at all, as the fault says. */
export async function applyFault(
  fault: Fault | undefined,
  request: Request,
  handle: () => Promise<Response>,
): Promise<Response> {
  switch (fault?.kind) {
    case undefined:
      return handle();
    case 'fail':
      return problemResponse(
        fault.status,
        'A fault of the double.',
        fault.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fault.retryAfterSeconds) },
      );
    case 'fail-after-write':
      await handle();
      return problemResponse(fault.status, 'A fault of the double.');
    case 'hang-after-write':
      await handle();
      if (!request.signal.aborted) await once(request.signal, 'abort');
      throw request.signal.reason;
    case 'reset':
      throw new ConnectionReset();
    case 'reset-after-write':
      await handle();
      throw new ConnectionReset();
    case 'wrong-answer':
      await handle();
      return Response.json(fault.body);
  }
}
