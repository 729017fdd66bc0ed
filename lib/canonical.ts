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

/** SHA-256 in hex of the canonical text. A list is hashed item by item: the whole text of a plan is megabytes. */
export function digestOf(value: unknown): string {
  const hash = createHash('sha256');
  if (!Array.isArray(value)) return hash.update(renderCanonical(value)).digest('hex');
  hash.update('[');
  for (const [index, item] of value.entries())
    hash.update(`${index === 0 ? '' : ','}${renderCanonical(item ?? null)}`);
  return hash.update(']').digest('hex');
}
