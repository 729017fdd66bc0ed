// The result of reading something from the directory: complete with a value, or incomplete with a reason.
// There is no third answer, and an incomplete read never carries a shorter list.

export type IncompleteReason =
  | 'throttled' // Retry-After is longer than the time this run has left
  | 'unavailable' // 5xx, connection reset, timeout
  | 'denied' // a permission is missing, or the credentials are wrong
  | 'not-found' // the group does not exist (any more)
  | 'limited-information' // Graph returned nulls for members we may not read
  | 'answer-invalid' // a page or an item does not parse, or pages do not add up
  | 'deadline'; // the time of this run is used up

export type IncompleteRead = {
  readonly status: 'incomplete';
  readonly reason: IncompleteReason;
  readonly detail: string;
};
export type Read<T> = { readonly status: 'complete'; readonly value: T } | IncompleteRead;

/** A read that has everything. */
export function completeRead<T>(value: T): Read<T> {
  return { status: 'complete', value };
}

/** A read that does not; `detail` is a sentence for DevOps without names of people. */
export function incompleteRead(reason: IncompleteReason, detail: string): IncompleteRead {
  return { status: 'incomplete', reason, detail };
}
