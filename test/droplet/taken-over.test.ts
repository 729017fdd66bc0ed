// One list in many places: what the settings of the functions ask of the data plane, what the droplet prints, what
// provisioning takes over, and what the installation makes for it.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { VARIABLES } from '../../lib/config.ts';
import { FROM_DROPLET } from '../../lib/provision/settings-file.ts';
import { DATA_PLANE_VARIABLES } from '../../lib/settings/data-plane.ts';
import { DROPLET } from './paths.ts';

const read = (name: string) => readFileSync(join(DROPLET, name), 'utf8');
const printSettings = read('install/print-settings');
/** The rows of its two lists: `NAME role database` and `NAME identity`. */
const rows = [...printSettings.matchAll(/^([A-Z_]+) ([a-z_-]+)(?: [a-z]+)?$/gm)].map(
  ([, name = '', made = '']) => ({ name, made }),
);
const printed = [
  ...[...printSettings.matchAll(/^add ([A-Z_]+) /gm)].map(([, name = '']) => name),
  ...rows.map(({ name }) => name),
  // Of systemd/make-agent-identity.
  'AGENT_PUBLIC_KEY',
].sort();
const made = (pattern: RegExp) => rows.filter(({ name }) => pattern.test(name)).map((row) => row.made);
const words = (text: string, pattern: RegExp): string[] =>
  (pattern.exec(text)?.[1] ?? '').match(/[\w-]+/g) ?? [];

test('what the droplet prints is what provisioning takes over, nothing more and nothing less', () => {
  expect(printed).toEqual(
    Object.keys(VARIABLES)
      .filter((name) => FROM_DROPLET.test(name))
      .sort(),
  );
  expect(printSettings).toContain('make-agent-identity');
  expect(read('systemd/make-agent-identity')).toContain("'AGENT_PUBLIC_KEY=%s\\n'");
});

test('every setting of the data plane, every database and every identity is among them', () => {
  const wanted = Object.keys(VARIABLES).filter(
    (name) => name in DATA_PLANE_VARIABLES || /_(DATABASE_URL|CLIENT_IDENTITY)$/.test(name),
  );

  expect(wanted.filter((name) => !printed.includes(name))).toEqual([]);
});

test('every role in a printed URL is made, has a password and may come in with a certificate', () => {
  const roles = made(/_DATABASE_URL$/);
  const inSql = words(read('postgres/roles.sql'), /unnest\(array\[([^\]]+)\]\)/);
  const inApply = words(read('postgres/apply-roles'), /^roles=\(([^)]+)\)$/m);
  const withPassword = words(read('install/steps/30-secrets'), /^for role in ([A-Z_ ]+); do$/m);

  expect(roles).toHaveLength(new Set(roles).size);
  expect(inApply).toEqual(inSql);
  expect(withPassword.map((name) => name.toLowerCase())).toEqual(inSql);
  expect(roles.filter((role) => !inSql.includes(role))).toEqual([]);
  const remote = [...read('postgres/pg_hba.conf').matchAll(/^hostssl\s+\S+\s+(\S+)/gm)].flatMap(
    ([, users = '']) => users.split(','),
  );
  expect(roles.filter((role) => !remote.includes(role) && !remote.includes('all'))).toEqual([]);
});

test('every printed identity is one that the installation issues', () => {
  const issued = words(read('install/issue-certificates'), /^clients=\(([^)]+)\)$/m);

  expect(made(/_CLIENT_IDENTITY$/).filter((name) => !issued.includes(name))).toEqual([]);
});
