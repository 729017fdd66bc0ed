// install/lock-images against a stand-in for Docker that knows the digests a registry would give today and writes
// down what it was asked.

import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DENIED_VERSIONS } from '../../lib/gateway/health.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { DROPLET } from './paths.ts';
import { runShell, writeStandIn } from './run-shell.ts';

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
let folder: ReturnType<typeof makeThrowAwayFolder>;
let path: string;

beforeEach(() => {
  folder = makeThrowAwayFolder();
  writeFileSync(join(folder.path, 'registry'), '');
  path = writeStandIn(
    join(folder.path, 'bin'),
    'docker',
    `for image; do :; done
     echo "$image" >>'${folder.path}/asked'
     [ "$1" = buildx ] || exit 1
     sed -n "s|^$image=||p" '${folder.path}/registry' | grep .`,
  );
});
afterEach(() => folder.remove());

const file = (name: string) => join(folder.path, name);
const give = (image: string, value: string) => appendFileSync(file('registry'), `${image}=${value}\n`);
const asked = () =>
  existsSync(file('asked')) ? readFileSync(file('asked'), 'utf8').split('\n').filter(Boolean) : [];
const locked = () => readFileSync(file('images.lock.env'), 'utf8');
async function lockImages(images: string, ...args: string[]) {
  rmSync(file('asked'), { force: true });
  writeFileSync(file('images.env'), images);
  return runShell(join(DROPLET, 'install', 'lock-images'), {
    args,
    environment: { LITELLM_ETC: folder.path, IMAGES_ENV: file('images.env') },
    path: [path],
  });
}

test('each version becomes the digest that the registry gives, and a second run asks nobody', async () => {
  give('nginx:1.30.6', digest('a'));
  give('registry/team/litellm:v1.106.2', digest('b'));
  const images = '# why\nNGINX_IMAGE=nginx:1.30.6\n\nLITELLM_IMAGE=registry/team/litellm:v1.106.2\n';

  const first = await lockImages(images);
  const recorded = locked();
  const second = await lockImages(images);

  expect([first.status, second.status]).toEqual([0, 0]);
  expect(recorded).toBe(
    `# nginx:1.30.6\nNGINX_IMAGE=nginx@${digest('a')}\n` +
      `# registry/team/litellm:v1.106.2\nLITELLM_IMAGE=registry/team/litellm@${digest('b')}\n`,
  );
  expect(asked()).toEqual([]);
  expect(locked()).toBe(recorded);
});

test('a recorded digest stays when the registry gives another for the same version, until it is asked for again', async () => {
  give('nginx:1.30.6', digest('a'));
  await lockImages('NGINX_IMAGE=nginx:1.30.6\n');
  rmSync(file('registry'));
  give('nginx:1.30.6', digest('c'));

  await lockImages('NGINX_IMAGE=nginx:1.30.6\n');
  const kept = locked();
  await lockImages('NGINX_IMAGE=nginx:1.30.6\n', '--again');

  expect(kept).toContain(digest('a'));
  expect(locked()).toContain(digest('c'));
});

test('another version is asked for, and only that one', async () => {
  give('nginx:1.30.6', digest('a'));
  give('postgres:18.6', digest('b'));
  give('postgres:18.7', digest('c'));
  await lockImages('NGINX_IMAGE=nginx:1.30.6\nPOSTGRES_IMAGE=postgres:18.6\n');

  await lockImages('NGINX_IMAGE=nginx:1.30.6\nPOSTGRES_IMAGE=postgres:18.7\n');

  expect(asked()).toEqual(['postgres:18.7']);
  expect(locked()).toContain(`POSTGRES_IMAGE=postgres@${digest('c')}`);
});

test.each([
  ['no answer', undefined],
  ['an answer that is no digest', 'sha256:abc'],
])('with %s for one image nothing is recorded, and what was stays', async (_, answer) => {
  give('nginx:1.30.6', digest('a'));
  await lockImages('NGINX_IMAGE=nginx:1.30.6\n');
  const before = locked();
  if (answer !== undefined) give('postgres:18.6', answer);

  const { status, stderr } = await lockImages(
    'NGINX_IMAGE=nginx:1.30.6\nPOSTGRES_IMAGE=postgres:18.6\n',
    '--again',
  );

  expect(status).toBe(1);
  expect(stderr).toContain('The registry gives no digest for postgres:18.6.');
  expect(locked()).toBe(before);
});

test.each([...DENIED_VERSIONS].flatMap((version) => [version, `v${version}`, `v${version}-stable`]))(
  'LiteLLM %s is refused before anybody is asked',
  async (version) => {
    give(`registry/litellm:${version}`, digest('a'));

    const { status, stderr } = await lockImages(`LITELLM_IMAGE=registry/litellm:${version}\n`);

    expect(status).toBe(1);
    expect(stderr).toContain('was published with malicious code');
    expect(asked()).toEqual([]);
    expect(existsSync(file('images.lock.env'))).toBe(false);
  },
);

test('LiteLLM by a tag that moves is refused, because it could become a denied version', async () => {
  give('registry/litellm:lts', digest('a'));

  const { status, stderr } = await lockImages('LITELLM_IMAGE=registry/litellm:lts\n');

  expect(status).toBe(1);
  expect(stderr).toContain('names no version');
});

test('the droplet denies exactly the versions that the control plane denies, and ships none of them', () => {
  const denied = readFileSync(join(DROPLET, 'litellm', 'denied-versions'), 'utf8')
    .split('\n')
    .filter(Boolean);
  const shipped =
    /^LITELLM_IMAGE=.*:v(.*)$/m.exec(readFileSync(join(DROPLET, 'images.env'), 'utf8'))?.[1] ?? '';

  expect(denied.sort()).toEqual([...DENIED_VERSIONS].sort());
  expect(denied).not.toContain(shipped);
});
