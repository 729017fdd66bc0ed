// Some text for every variable of project.yml: the functions that a test does not look at are deployed beside the one
// that it does.

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { variableNames } from '../../lib/platform/template.ts';

export async function unusedSettings(): Promise<Record<string, string>> {
  const text = await readFile(path.resolve(import.meta.dirname, '..', '..', 'project.yml'), 'utf8');
  // Its own address and key the functions host knows itself.
  const names = variableNames(text).filter((name) => !name.startsWith('DO_'));
  return { ...Object.fromEntries(names.map((name) => [name, 'unused'])), ...NO_CERTIFICATES };
}

/** A data plane on this machine asks for none. */
export const NO_CERTIFICATES = {
  DATA_PLANE_CA: 'none',
  SYNC_CLIENT_IDENTITY: 'none',
  WEBHOOK_CLIENT_IDENTITY: 'none',
  PORTAL_CLIENT_IDENTITY: 'none',
  BACKUP_CLIENT_IDENTITY: 'none',
};

/** What control/sync needs to tell nobody. */
export const TELLS_NOBODY = {
  TEAMS_WEBHOOK_URL: 'none',
  APPROVAL_LINK_KEY: '0'.repeat(64),
  PUBLIC_BASE_URL: 'https://llm.example.com',
};
