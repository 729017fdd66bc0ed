// One text for one value: JSON with sorted keys, so that equal values have equal digests.

import { createHash } from 'node:crypto';

/** Plain JSON values, Dates excluded; undefined members are left out as JSON does. */
export function renderCanonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => renderCanonical(item ?? null)).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${renderCanonical(member)}`);
    return `{${entries.join(',')}}`;
  }
  return JSON.stringify(value);
}

/** SHA-256 in hex of the canonical text. */
export function digestOf(value: unknown): string {
  return createHash('sha256').update(renderCanonical(value)).digest('hex');
}
