import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LocalFunctionsHost } from './functions-host/host.ts';
import { type ThrowAwayProject, writeThrowAwayProject } from './functions-host/throw-away.ts';

const FUNCTIONS = {
  echo: {
    code: `exports.main = async (event, context) => ({
      event, context: { ...context }, remainingMs: context.getRemainingTimeInMillis(), pid: process.pid,
    });`,
    settings: 'parameters: {greeting: hello}, limits: {timeout: 5000}',
  },
  environment: {
    code: 'const atLoad = process.env.COLOUR; exports.main = (event, context) => ({ ...process.env, atLoad });',
    settings: `environment: {COLOUR: '\${COLOUR}'}`,
  },
  sleeper: {
    code: 'exports.main = (event, context) => new Promise(() => {});',
    settings: 'limits: {timeout: 300}',
  },
  patient: {
    code: 'exports.main = (event, context) => new Promise(() => {});',
    settings: 'limits: {timeout: 60000}',
  },
  hog: {
    code: `exports.main = async (event, context) => {
      const kept = [];
      for (;;) {
        kept.push(Buffer.alloc(4e6, 1));
        await new Promise((resolve) => setImmediate(resolve));
      }
    };`,
    settings: 'limits: {memory: 128, timeout: 30000}',
  },
  heap: {
    code: 'exports.main = (event, context) => { const kept = []; for (;;) kept.push({ kept: [kept.length] }); };',
    settings: 'limits: {memory: 128, timeout: 60000}',
  },
  thrower: { code: 'exports.main = async (event, context) => { throw new Error("no luck today"); };' },
  uncaught: {
    code: `exports.main = (event, context) =>
      new Promise(() => setImmediate(() => { throw new Error("nobody caught me"); }));`,
  },
  output: { code: 'exports.main = async (event, context) => ({ text: "x".repeat(event.sizeBytes) });' },
  list: { code: 'exports.main = async (event, context) => [1, 2];' },
  nothing: { code: 'exports.main = async (event, context) => {};' },
  printer: {
    code: `exports.main = async (event, context) => {
      console.log("to out");
      console.error("to err");
      process.stdout.write("no line break");
      return {};
    };`,
  },
  chatty: {
    code: 'exports.main = async (event, context) => { for (let i = 0; i < 40000; i++) console.log("0123456789"); return {}; };',
    settings: 'limits: {timeout: 20000}',
  },
  bare: { code: 'exports.main = async () => ({});' },
  broken: { code: 'throw new Error("cannot load");' },
  nameless: { code: 'exports.handler = async (event, context) => ({});' },
};

let project: ThrowAwayProject;
let host: LocalFunctionsHost;

beforeAll(async () => {
  project = await writeThrowAwayProject(FUNCTIONS);
  process.env.SECRET_OF_THE_PARENT = 'must not travel';
  host = await project.start({ env: { COLOUR: 'blue' }, extraChildEnv: { TZ: 'UTC' } });
});

afterAll(async () => {
  await host.stop();
  await project.remove();
});

const run = (name: string, event = {}) => host.invoke(`test/${name}`, event).ended;

describe('what a function receives', () => {
  test('the event holds its parameters and what the caller sent', async () => {
    const { status, result } = await run('echo', { x: 1 });

    expect(status).toBe('success');
    expect(result.event).toEqual({ greeting: 'hello', x: 1 });
  });

  test('the context names the invocation, an empty key, and the time left of its timeout', async () => {
    const { result, activationId, startedAt } = await run('echo');

    const context = result.context as Record<string, unknown>;
    expect(context).toMatchObject({
      functionName: `/${host.namespace}/test/echo`,
      functionVersion: '0.0.1',
      activationId,
      requestId: activationId,
      apiHost: host.apiHost,
      apiKey: '',
      namespace: host.namespace,
    });
    expect(Number(context.deadline) - startedAt.getTime()).toBeGreaterThanOrEqual(5000);
    expect(result.remainingMs).toBeGreaterThan(0);
    expect(result.remainingMs).toBeLessThanOrEqual(5000);
  });

  test('its environment is what project.yml declares and the platform adds, never that of the parent', async () => {
    const { result } = await run('environment');

    const names = Object.keys(result).filter((name) => !name.startsWith('__OW_'));
    expect(names.sort()).toEqual(['COLOUR', 'TZ', 'atLoad']);
    expect(result).toMatchObject({ COLOUR: 'blue', atLoad: 'blue', __OW_NAMESPACE: host.namespace });
  });
});

describe('containers', () => {
  test('a warm one is used again', async () => {
    const first = await run('echo');
    const second = await run('echo');

    expect(second.result.pid).toBe(first.result.pid);
    expect(second.initMs).toBeUndefined();
  });

  test('each holds one invocation at a time', async () => {
    const [one, other] = await Promise.all([run('echo'), run('echo')]);

    expect(one?.result.pid).not.toBe(other?.result.pid);
  });

  test('one that was idle too long is ended', async () => {
    const reaping = await project.start({ env: { COLOUR: 'blue' }, limits: { idleMs: 1 } });
    try {
      await reaping.invoke('test/echo').ended;
      await expect.poll(() => reaping.pids()).toEqual([]);
    } finally {
      await reaping.stop();
    }
  });

  test('stop leaves no process behind', async () => {
    const stopping = await project.start({ env: { COLOUR: 'blue' } });
    await stopping.invoke('test/echo').ended;
    const { ended } = stopping.invoke('test/patient');
    const pids = stopping.pids();

    await stopping.stop();

    expect(pids).toHaveLength(2);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect((await ended).status).toBe('action developer error');
  });
});

describe('limits and failures', () => {
  test('a function over its timeout is killed and recorded as timed out', async () => {
    const activation = await run('sleeper');

    expect(activation).toMatchObject({
      isTimedOut: true,
      status: 'action developer error',
      result: { error: 'The action exceeded its time limits of 300 milliseconds.' },
    });
  });

  test.each(['hog', 'heap'])('a function over its memory is killed and recorded so (%s)', async (name) => {
    const activation = await run(name);

    expect(activation.result).toEqual({ error: 'The action exhausted its memory and was aborted.' });
    expect(activation.isTimedOut).toBe(false);
  });

  test('a rejected promise is an application error with its message, and its stack is logged', async () => {
    const activation = await run('thrower');

    expect(activation).toMatchObject({ status: 'application error', result: { error: 'no luck today' } });
    expect(activation.logs.join('\n')).toContain('Error: no luck today');
  });

  test('an uncaught error ends the process, and the next invocation has a new one', async () => {
    const first = await run('uncaught');
    const second = await run('uncaught');

    expect(first.result.error).toBe('The action did not produce a valid response and exited unexpectedly.');
    expect(first.logs.join('\n')).toContain('nobody caught me');
    expect(second.initMs).toBeDefined();
  });

  test('a killed invocation is recorded as having ended without an answer', async () => {
    await run('echo');
    const { activationId, ended } = host.invoke('test/patient');

    expect(host.running()).toContain(activationId);
    expect(host.kill(activationId)).toBe(true);
    expect((await ended).status).toBe('action developer error');
    expect(host.kill(activationId)).toBe(false);
  });

  test('a result of 1 MB passes and one above it does not', async () => {
    const overheadBytes = JSON.stringify({ text: '' }).length;

    const largest = await run('output', { sizeBytes: 1024 * 1024 - overheadBytes });
    const larger = await run('output', { sizeBytes: 1024 * 1024 - overheadBytes + 1 });

    expect(largest.status).toBe('success');
    expect(larger.result.error).toContain('1048577 > 1048576 bytes');
  });

  test('parameters above 1 MB are refused', () => {
    expect(() => host.invoke('test/echo', { text: 'x'.repeat(1024 * 1024) })).toThrow(
      expect.objectContaining({
        code: 'FUNCTION_REFUSED',
        details: { functionName: 'test/echo', httpStatus: 413 },
      }),
    );
  });

  test('a result that is no object is an error, and none at all is an empty one', async () => {
    expect((await run('list')).result.error).toBe('The action did not return a dictionary.');
    expect((await run('nothing')).result).toEqual({});
  });

  test.each([
    ['bare', 'Function must have 1 or 2 parameters to be valid.'],
    ['broken', 'cannot load'],
    ['nameless', "Action entrypoint 'main' is not a function."],
  ])('a function that cannot be loaded says why (%s)', async (name, reason) => {
    const activation = await run(name);

    expect(activation.status).toBe('action developer error');
    expect(activation.result.error).toContain(reason);
  });
});

describe('logs', () => {
  test('both streams are kept with their instant, each line once', async () => {
    const { logs } = await run('printer');

    expect(logs.map((line) => line.replace(/^\S+Z /, '')).sort()).toEqual([
      'stderr: to err',
      'stdout: no line break',
      'stdout: to out',
    ]);
  });

  test('they are cut at 256 KB with a notice', async () => {
    const { logs, status } = await run('chatty');

    expect(status).toBe('success');
    expect(logs.at(-1)).toContain('Logs were truncated');
    expect(logs.length).toBe(Math.floor((256 * 1024) / 11) + 1);
  });
});

test('the last records are kept and the oldest forgotten', async () => {
  const small = await project.start({ env: { COLOUR: 'blue' }, capacity: 2 });
  try {
    const ids: string[] = [];
    for (let i = 0; i < 3; i += 1) ids.push((await small.invoke('test/echo').ended).activationId);

    expect(small.activations().map((activation) => activation.activationId)).toEqual(ids.slice(1));
    expect(await small.ended(ids[0] ?? '')).toBeUndefined();
  } finally {
    await small.stop();
  }
});
