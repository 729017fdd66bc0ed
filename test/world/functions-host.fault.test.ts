import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { writeThrowAwayProject } from './functions-host/throw-away.ts';

test('no child outlives a host that was killed, not even one that keeps its thread busy', {
  timeout: 30_000,
}, async () => {
  const project = await writeThrowAwayProject({
    waiting: {
      code: 'exports.main = (event, context) => new Promise(() => {});',
      settings: 'limits: {timeout: 60000}',
    },
    busy: {
      code: 'exports.main = (event, context) => { require("node:fs").writeFileSync(event.file, ""); for (;;); };',
      settings: 'limits: {timeout: 60000}',
    },
  });
  const busyFile = path.join(project.folder, 'is-busy');
  const hostModule = pathToFileURL(path.resolve(import.meta.dirname, 'functions-host/host.ts')).href;
  const script = path.join(project.folder, 'host.mts');
  await writeFile(
    script,
    `import { createLocalFunctionsHost } from ${JSON.stringify(hostModule)};
     const host = await createLocalFunctionsHost({
       projectFile: ${JSON.stringify(project.projectFile)},
       functionsDir: ${JSON.stringify(project.functionsDir)},
       env: {},
       schedule: false,
     });
     host.invoke('test/waiting');
     host.invoke('test/busy', { file: ${JSON.stringify(busyFile)} });
     process.stdout.write(JSON.stringify(host.pids()) + '\\n');`,
  );
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const pids = JSON.parse(line.toString()) as number[];
  expect(pids).toHaveLength(2);
  // Only once it is in its loop can it miss the end of the host.
  await expect.poll(() => existsSync(busyFile), { timeout: 10_000 }).toBe(true);

  child.kill('SIGKILL');
  await once(child, 'close');

  await expect.poll(() => pids.filter(isAlive), { timeout: 10_000 }).toEqual([]);
  await project.remove();
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
