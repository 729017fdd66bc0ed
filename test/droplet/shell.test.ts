// Every shell program of the droplet is read by shellcheck, can be run, and stops at its first failure.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { DROPLET, ROOT } from './paths.ts';

const files = readdirSync(DROPLET, { recursive: true, encoding: 'utf8' })
  .map((name) => join(DROPLET, name))
  .filter((file) => statSync(file).isFile() && !file.includes('node_modules'));
const firstLineOf = (file: string) => readFileSync(file, 'utf8').split('\n')[0] ?? '';
const programs = files.filter((file) => /^#!.*\b(ba)?sh$/.test(firstLineOf(file)));
const sourced = files.filter((file) => firstLineOf(file).startsWith('# shellcheck shell='));

test('shellcheck finds nothing in any of them', () => {
  expect(programs.length).toBeGreaterThan(15);

  const { stdout, error } = spawnSync('shellcheck', ['--external-sources', ...programs, ...sourced], {
    cwd: ROOT,
    encoding: 'utf8',
  });

  expect(error).toBeUndefined();
  expect(stdout).toBe('');
});

test('each can be started and stops at its first failure; what is only sourced cannot', () => {
  expect(programs.filter((file) => (statSync(file).mode & 0o111) === 0)).toEqual([]);
  // It tells what it could not look at and looks at the rest.
  const goesOn = ['write-snapshot'];
  const stopping = programs.filter((file) => !goesOn.includes(basename(file)));
  expect(stopping.filter((file) => !/^set -e(uo pipefail|u)$/m.test(readFileSync(file, 'utf8')))).toEqual([]);
  expect(sourced.filter((file) => (statSync(file).mode & 0o111) !== 0)).toEqual([]);
});

test('none shows a secret to the list of processes: no password stands in the arguments of a command', () => {
  const suspicious = programs.filter((file) =>
    /(--password|-pass|PGPASSWORD)[= ]["']?\$/.test(readFileSync(file, 'utf8')),
  );

  expect(suspicious).toEqual([]);
});
