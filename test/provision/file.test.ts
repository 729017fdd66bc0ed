import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { isControlError } from '../../lib/errors.ts';
import { parseDropletFile } from '../../lib/provision/file.ts';
import { COMPLETE } from './cloud-fixture.ts';

const shipped = readFileSync(path.resolve(import.meta.dirname, '../../droplet/droplet.yml'), 'utf8');
function problemsOf(text: string): { paths: unknown; message: string } {
  try {
    parseDropletFile(text);
  } catch (error) {
    if (isControlError(error, 'CONFIG_INVALID'))
      return { paths: error.details.paths, message: error.message };
    throw error;
  }
  throw new Error('expected problems');
}

test('the shipped file holds to its form and asks for 4 vCPU and 8 GB', () => {
  expect(parseDropletFile(shipped)).toMatchObject({
    size: 'c-4',
    image: 'debian-12-x64',
    reserved_ip: false,
  });
});

test('what is left out has the values of the issue', () => {
  expect(parseDropletFile(stringify(COMPLETE))).toMatchObject({
    size: 'c-4',
    image: 'debian-12-x64',
    reserved_ip: false,
    tags: [],
  });
});

test('every problem is reported at once, with its line, what was found and the near miss', () => {
  const { paths, message } = problemsOf(
    [
      'version: 2',
      'name: Big_One',
      'regoin: fra1',
      'volume_gib: 3',
      'public_host: localhost',
      'ssh_keys: []',
    ].join('\n'),
  );

  expect(paths).toEqual([
    'acme_email',
    'domain_zone',
    'name',
    'public_host',
    'region',
    'regoin',
    'ssh_from',
    'ssh_keys',
    'version',
    'volume_gib',
  ]);
  expect(message).toContain('regoin (line 3): Unknown key; did you mean `region`?');
  expect(message).toContain('volume_gib (line 4): Expected at least 10 GiB. Found: 3.');
});

test.each(['0.0.0.0/0', '::/0'])('SSH from %s is refused unless it is written out', (range) => {
  const open = { ...COMPLETE, ssh_from: ['192.0.2.1', range] };

  expect(problemsOf(stringify(open))).toMatchObject({
    paths: ['ssh_from[1]'],
    message: expect.stringContaining('ssh_from_everywhere: true'),
  });
  expect(() => parseDropletFile(stringify({ ...open, ssh_from_everywhere: true }))).not.toThrow();
});

test.each([
  ['public_host', 'llm.example.com\nX=1'],
  ['acme_email', "a'b@example.com"],
  ['acme_email', 'a$(id)@example.com'],
  ['name', 'a$b'],
  ['domain_zone', 'example.org'],
  ['ssh_from', ['192.0.2.0/33']],
  ['ssh_keys', ['ssh-ed25519 AAAA']],
  ['reserved_ip', 'yes please'],
  ['image', 'windows'],
])('%s cannot be %j', (key, value) => {
  expect(() => parseDropletFile(stringify({ ...COMPLETE, [key]: value }))).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID' }),
  );
});
