// What the agent is told: by the environment that its unit gives it (droplet/systemd/litellm-agent.service), and by two
// files that only it can read. Checked by hand, because zod would cost a sixth of the memory that the agent may have.

import { readFileSync } from 'node:fs';

export type AgentSettings = {
  /** Address of control/agent, where reports go. */
  readonly url: string;
  readonly dropletId: string;
  /** PKCS8 PEM of the Ed25519 key that signs reports. */
  readonly identityFile: string;
  /** postgres:// URL of the control database, over the unix socket; undefined where no jobs are taken. */
  readonly databaseUrl: string | undefined;
  readonly snapshotFile: string;
  readonly dataPath: string;
  readonly reportIntervalMs: number;
  readonly jobIntervalMs: number;
};

type Variables = Readonly<Record<string, string | undefined>>;

const REPORT_INTERVAL_MS = 60_000;
/** `lcp status --fresh` waits for it; a query over the socket costs less than a millisecond of processor time. */
const JOB_INTERVAL_MS = 5_000;

/** @throws Error that names every problem at once, never a value */
export function readAgentSettings(variables: Variables): AgentSettings {
  const problems: string[] = [];
  const take = (name: string, isValid: (value: string) => boolean, expected: string, fallback = '') => {
    const value = variables[name]?.trim() || fallback;
    if (!isValid(value)) problems.push(`${name}: expected ${expected}.`);
    return value;
  };
  const isPath = (value: string) => value.startsWith('/');
  const milliseconds = (name: string, usual: number) =>
    Number(take(name, (value) => /^[1-9]\d{1,6}$/.test(value), 'milliseconds', String(usual)));
  const databaseUrlFile = variables.AGENT_DATABASE_URL_FILE?.trim();
  const settings = {
    url: take('AGENT_URL', isAgentUrl, 'the https address of control/agent (http only on this machine)'),
    dropletId: take(
      'DROPLET_ID',
      (value) => /^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/.test(value),
      'a name or number',
    ),
    identityFile: take('AGENT_IDENTITY_FILE', isPath, 'the file of the signing key'),
    databaseUrl: databaseUrlFile ? readSecret(databaseUrlFile, problems) : undefined,
    snapshotFile: take('SNAPSHOT_FILE', isPath, 'a file', '/run/litellm/snapshot.jsonl'),
    dataPath: take('DATA_PATH', isPath, 'a folder', '/mnt/litellm-data'),
    reportIntervalMs: milliseconds('REPORT_INTERVAL_MS', REPORT_INTERVAL_MS),
    jobIntervalMs: milliseconds('JOB_INTERVAL_MS', JOB_INTERVAL_MS),
  };
  if (problems.length > 0) throw new Error(`The agent's settings are wrong: ${problems.join(' ')}`);
  return settings;
}

function isAgentUrl(value: string): boolean {
  const url = URL.parse(value);
  if (url === null || url.search !== '' || url.username !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && url.hostname === '127.0.0.1');
}

function readSecret(file: string, problems: string[]): string | undefined {
  try {
    const value = readFileSync(file, 'utf8').trim();
    if (/^postgres(ql)?:\/\//.test(value)) return value;
  } catch {
    // Said below: no difference to whoever has to correct it.
  }
  problems.push('AGENT_DATABASE_URL_FILE: expected a readable file with a postgres:// URL.');
  return undefined;
}
