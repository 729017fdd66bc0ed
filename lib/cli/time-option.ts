// Times as people type them on a command line: `7d`, `24h`, a UTC date, or an ISO time. Pure.

import { ControlError } from '../errors.ts';

const UNIT_MS = { m: 60_000, h: 60 * 60_000, d: 24 * 60 * 60_000 };
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?$/;

/** The instant meant; a bare date begins at midnight UTC and, with `endOfDay`, ends at the next one. A time without a
 *  zone is UTC. @throws ControlError CONFIG_INVALID naming `option` */
export function parseTimeOption(
  option: string,
  text: string,
  now: Date,
  { endOfDay = false }: { readonly endOfDay?: boolean } = {},
): Date {
  const ago = /^(\d{1,5})([mhd])$/.exec(text);
  if (ago) return new Date(now.getTime() - Number(ago[1]) * UNIT_MS[ago[2] as keyof typeof UNIT_MS]);
  const day = DAY.test(text);
  const zoned = day ? `${text}T00:00:00Z` : /(Z|[+-]\d{2}:\d{2})$/.test(text) ? text : `${text}Z`;
  const instant = new Date(day || INSTANT.test(text) ? zoned : Number.NaN);
  // JavaScript takes the 31st of February for the 3rd of March.
  const isRealDay = !day || instant.toJSON()?.slice(0, 10) === text;
  if (Number.isNaN(instant.getTime()) || !isRealDay) {
    const message = `${option} must be such as 7d, 24h, 2026-11-23 or 2026-11-23T08:00:00Z.`;
    throw new ControlError('CONFIG_INVALID', message);
  }
  return day && endOfDay ? new Date(instant.getTime() + UNIT_MS.d) : instant;
}
