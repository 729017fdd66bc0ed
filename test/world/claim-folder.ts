// One world a folder: the running world answers on a loopback port that it notes in the folder, so a second start
// says at once who is there, and a note left by a kill -9 is told from a living world without trusting a process id.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';

const ANSWER_LIMIT_MS = 1_000;

type Note = { readonly id: string; readonly port: number; readonly pid: number };

/** Claims `folder` until the returned function is called or this process ends.
 *  @throws Error when a world runs from it. */
export async function claimFolder(folder: string): Promise<() => void> {
  const file = join(folder, 'running.json');
  const note = readNote(file);
  if (note !== undefined && (await answersWith(note))) {
    throw new Error(
      `A local world already runs from ${folder} (process ${note.pid}). Use that one, or stop it with Ctrl-C there.`,
    );
  }
  const id = randomUUID();
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(id);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  const { port } = server.address() as AddressInfo;
  writeFileSync(file, JSON.stringify({ id, port, pid: process.pid } satisfies Note));
  return () => {
    server.close();
    rmSync(file, { force: true });
  };
}

function readNote(file: string): Note | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Note;
  } catch {
    return undefined; // none, or half-written by a world that was killed
  }
}

async function answersWith({ id, port }: Note): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy(new Error('no answer')));
  socket.setEncoding('utf8');
  let answer = '';
  try {
    for await (const chunk of socket) answer += chunk;
  } catch {
    return false;
  }
  return answer === id;
}
