// Loaded before `lcp` by test/cli/kill.fault.test.ts: kill -9 of this very process just before its n-th effect on the
// outside, which is a write to LiteLLM, a statement that writes, or a commit. What lies between two effects changes
// nothing, so just before one is just after the one before it.

import pg from 'pg';

const at = Number(process.env.KILL_AT);
let count = 0;

function effect() {
  count += 1;
  if (count === at) process.kill(process.pid, 'SIGKILL');
}

const { fetch } = globalThis;
globalThis.fetch = (input, init) => {
  if (init?.method === 'POST' && String(input).startsWith(process.env.LITELLM_BASE_URL)) effect();
  return fetch(input, init);
};

const { query } = pg.Client.prototype;
pg.Client.prototype.query = function (text, ...rest) {
  if (typeof text === 'string' && /^\s*(insert|update|delete|commit)\b/i.test(text)) effect();
  return query.call(this, text, ...rest);
};
