// Runs inside the child process, in the place of the platform's prelauncher: one JSON line in for each step
// (first init, then one run a line), one JSON line out on file descriptor 3. Plain JavaScript, because it is started
// for every cold start and type stripping would be most of it.
//
// Follows https://github.com/nimbella/openwhisk-runtime-nodejs core/nodejsActionBase: prelauncher.js and runner.js
// (import of index.js and the named export, so what the CommonJS lexer cannot see is missing here as there) and
// mainFunctionDetection.js (a handler of two parameters receives event and context).

import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

const REPLY_FD = 3;
// The platform's own marker; it tells the host that the output of this activation is complete.
const END_OF_LOGS = 'XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n';

let handler;

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const message = JSON.parse(line);
  const isFirst = handler === undefined;
  void (isFirst ? initialise(message.value) : run(message)).then((answer) => {
    write(REPLY_FD, `${JSON.stringify(answer)}\n`);
    if (isFirst) watchHost();
  });
});
// The host holds the other end: when it is gone, however it ended, there is nobody to work for.
lines.on('close', () => process.exit(0));
write(REPLY_FD, '{"ok":true}\n');

async function initialise({ file, main, env }) {
  Object.assign(process.env, env);
  try {
    const module = await import(pathToFileURL(file).href);
    handler = module[main];
    if (typeof handler !== 'function') throw new Error(`Action entrypoint '${main}' is not a function.`);
    if (handler.length !== 1 && handler.length !== 2) {
      throw new Error('Function must have 1 or 2 parameters to be valid.');
    }
  } catch (error) {
    process.stderr.write(`${error?.stack ?? error}\n`);
    return { error: `Initialization has failed due to: ${error?.message ?? error}` };
  }
  return { ok: true };
}

async function run({ value, ...activation }) {
  for (const [key, field] of Object.entries(activation))
    process.env[`__OW_${key.toUpperCase()}`] = String(field);
  const deadline = Number(activation.deadline);
  const context = {
    functionName: activation.action_name,
    functionVersion: activation.action_version,
    activationId: activation.activation_id,
    requestId: activation.transaction_id,
    deadline,
    apiHost: activation.api_host,
    apiKey: activation.api_key,
    namespace: activation.namespace,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
  let answer;
  try {
    const result = await (handler.length === 2 ? handler(value, context) : handler(value));
    answer = { result: result === undefined ? {} : result };
    JSON.stringify(answer);
  } catch (error) {
    process.stderr.write(`${error?.stack ?? error}\n`);
    answer = { result: { error: error?.message ?? String(error) } };
  }
  // What is still queued for a full pipe goes first.
  await Promise.all([process.stdout, process.stderr].map((s) => new Promise((done) => s.write('', done))));
  write(1, END_OF_LOGS);
  write(2, END_OF_LOGS);
  return answer;
}

/** Ends this process when the host was killed while a handler keeps the main thread busy, where the closed pipe
 *  would never be seen. A worker, because only another thread still runs then. */
function watchHost() {
  const code = `const host = ${process.ppid};
    setInterval(() => { if (process.ppid !== host) process.kill(process.pid, 'SIGKILL'); }, 500);`;
  new Worker(code, { eval: true, env: {}, stdout: true, stderr: true }).unref();
}

function write(fd, text) {
  const bytes = Buffer.from(text);
  for (let offset = 0; offset < bytes.length; ) {
    try {
      offset += writeSync(fd, bytes, offset);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}
