// Starts a real Redis for proxies that share one, with nothing kept on disk. Ends with this process, however this
// process ends.

import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { startChild } from './child.ts';
import { findFreePort } from './port.ts';
import { waitUntil } from './wait-until.ts';

export type Redis = { readonly port: number; stop(): Promise<void> };

const READY_LIMIT_MS = 10_000;
const ASK_TIMEOUT_MS = 1_000;

/** `dir` is an existing folder for its log. The program comes with the Debian package redis-server. */
export async function startRedis(dir: string): Promise<Redis> {
  const port = await findFreePort();
  const logFile = join(dir, 'redis.log');
  const settings = ['--bind', '127.0.0.1', '--port', `${port}`, '--save', '', '--appendonly', 'no'];
  const child = startChild({
    command: 'redis-server',
    args: [...settings, '--dir', dir],
    env: process.env,
    logFile,
    stopSignal: 'TERM',
  });
  try {
    await waitUntil(
      async () => {
        if (child.hasExited()) throw new Error(`redis-server ended at once; see ${logFile}.`);
        return answersPing(port);
      },
      { what: 'Redis did not answer', limitMs: READY_LIMIT_MS, everyMs: 20 },
    );
  } catch (error) {
    await child.kill();
    throw error;
  }
  return { port, stop: () => child.stop() };
}

async function answersPing(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    socket.write('PING\r\n');
    const [answer] = await once(socket, 'data', { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
    return String(answer).startsWith('+PONG');
  } catch {
    return false; // not yet: the limit above decides
  } finally {
    socket.destroy();
  }
}
