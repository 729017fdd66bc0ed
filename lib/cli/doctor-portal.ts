// The part of `lcp doctor` that looks at the portal.

import { PORTAL_SETTINGS, parseSettings } from '../config.ts';
import type { CliEnvironment } from './environment.ts';

type TryIt = <T>(what: string, work: () => T | Promise<T>) => Promise<T | undefined>;

/** Only where the portal is deployed or about to be: one of the settings that nothing else has is there. */
export async function checkPortal({ variables }: CliEnvironment, tryIt: TryIt): Promise<void> {
  const own = PORTAL_SETTINGS.filter((name) => /^(PUBLIC|PORTAL)_/.test(name));
  if (!own.some((name) => variables[name])) return;
  await tryIt('settings of control/portal', () => parseSettings(PORTAL_SETTINGS, variables));
}
