// What time alone does to a key: a rotated one ends, a test key ends, a leaver's blocked one is deleted after the
// grace. Pure.

import type { KeyRecord } from './current.ts';

type Timed = Pick<KeyRecord, 'status' | 'kind' | 'blockedAt' | 'endsAt'>;

/** When something becomes due, or null while nothing will. */
export function keyDueAt({ status, blockedAt, endsAt }: Timed, graceMs: number): Date | null {
  switch (status) {
    case 'blocked':
      return blockedAt && new Date(blockedAt.getTime() + graceMs);
    case 'live':
    case 'retiring':
      return endsAt;
    case 'escrowed':
    case 'abandoned':
      return null;
  }
}

export function isKeyDue(key: Timed, graceMs: number, now: Date): boolean {
  const dueAt = keyDueAt(key, graceMs);
  return dueAt !== null && now.getTime() >= dueAt.getTime();
}

/** The first moment at which an unchanged world needs a plan again. */
export function nextDueAt(keys: readonly Timed[], graceMs: number): Date | null {
  let next: Date | null = null;
  for (const key of keys) {
    const dueAt = keyDueAt(key, graceMs);
    if (dueAt !== null && (next === null || dueAt.getTime() < next.getTime())) next = dueAt;
  }
  return next;
}
