import { expect, test } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import { createVirtualClock } from '../directory/virtual-clock.ts';
import { createDeliveries } from './tenant/delivery.ts';
import type { DeliveryFault } from './tenant/delivery-faults.ts';
import type { Post } from './tenant/delivery-post.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const URL = 'https://subscriber.example/notify';

type Behaviour = { readonly status: number; readonly afterMs: number };

/** A subscriber that behaves as told by the number of the post, from 1, on the same clock. */
function channel(behave: (count: number) => Partial<Behaviour> = () => ({})) {
  const clock = createVirtualClock();
  const arrivals: { readonly name: string; readonly atMs: number }[] = [];
  const post: Post = async ({ body, timeoutMs, signal }) => {
    arrivals.push({ name: JSON.parse(body).value[0].name, atMs: clock.elapsedMs() });
    const { status = 202, afterMs = 0 } = behave(arrivals.length);
    if (afterMs > 0) await clock.sleep(Math.min(afterMs, timeoutMs), signal);
    if (afterMs > timeoutMs) return { kind: 'unanswered' };
    return { kind: 'answered', status, contentType: '', body: '' };
  };
  const deliveries = createDeliveries(clock, post);
  const send = (name: string, url = URL) => deliveries.send({ url, value: [{ name }] });
  const names = () => arrivals.map(({ name }) => name);
  return { clock, deliveries, arrivals, send, names };
}

/** Gives the address a past: `count` answers after `afterMs`, one by one. */
async function answered({ deliveries, send }: ReturnType<typeof channel>, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    send(`past ${n}`);
    await deliveries.settled();
  }
}

test('retries come after pauses that double, and end within four hours', async () => {
  const { deliveries, arrivals, send } = channel(() => ({ status: 500 }));

  send('a');
  await deliveries.settled();

  const pauses = arrivals.slice(1).map(({ atMs }, index) => atMs - (arrivals[index]?.atMs ?? 0));
  expect(pauses).toEqual(pauses.map((_, index) => 1_000 * 2 ** index));
  expect(arrivals.at(-1)?.atMs).toBeGreaterThan(2 * HOUR_MS);
  expect(arrivals.at(-1)?.atMs).toBeLessThan(4 * HOUR_MS);
});

test('the first try waits three seconds for an answer, the others ten', async () => {
  const { deliveries, send } = channel((count) => ({ afterMs: count < 3 ? 11_000 : 9_000 }));

  send('a');
  await deliveries.settled();

  expect(deliveries.list().map(({ status, durationMs }) => [status, durationMs])).toEqual([
    [null, 3_000],
    [null, 10_000],
    [202, 9_000],
  ]);
});

test('what is being retried holds up nothing else', async () => {
  const { deliveries, names, send } = channel((count) => ({ status: count === 1 ? 503 : 202 }));

  send('a');
  send('b');
  await deliveries.settled();

  expect(names()).toEqual(['a', 'b', 'a']);
});

test.each([
  ['two of ten answers', 2, 8, 10 * MINUTE_MS],
  ['one of ten answers', 1, 9, 0],
])(
  'with %s over three seconds, new posts wait ten minutes only above a tenth',
  async (_, lateCount, postCount, delayMs) => {
    // Every other of the first posts is too late; its retry is in time, which makes ten answers of all.
    const world = channel((count) => ({ afterMs: count <= 2 * lateCount && count % 2 === 1 ? 3_500 : 10 }));
    await answered(world, postCount);
    const sentAtMs = world.clock.elapsedMs();

    world.send('new');
    await world.deliveries.settled();

    expect(world.arrivals).toHaveLength(11);
    expect(world.arrivals.at(-1)).toEqual({ name: 'new', atMs: sentAtMs + delayMs });
  },
);

test('a slow address delays no other', async () => {
  const world = channel((count) => ({ afterMs: count % 2 === 1 && count <= 10 ? 3_500 : 10 }));
  await answered(world, 5);
  const sentAtMs = world.clock.elapsedMs();

  world.send('new', 'https://subscriber.example/other');
  await world.deliveries.settled();

  expect(world.arrivals.at(-1)).toEqual({ name: 'new', atMs: sentAtMs });
});

test('an address with too many answers over ten seconds is told nothing until they are ten minutes old', async () => {
  // Each post: too late for the first try, and for the first retry too.
  const world = channel((count) => ({ afterMs: count % 3 === 0 ? 10 : 11_000 }));
  await answered(world, 4);
  const { clock, deliveries, send, names } = world;

  send('dropped');
  await deliveries.settled();
  await clock.sleep(10 * MINUTE_MS);
  send('after');
  await deliveries.settled();

  expect(names()).toContain('after');
  expect(names()).not.toContain('dropped');
});

test('one late answer among few is no reason to delay anything', async () => {
  const world = channel((count) => ({ afterMs: count === 1 ? 3_500 : 10 }));
  await answered(world, 1);
  const sentAtMs = world.clock.elapsedMs();

  world.send('new');
  await world.deliveries.settled();

  expect(world.arrivals.at(-1)).toEqual({ name: 'new', atMs: sentAtMs });
});

test.each<[DeliveryFault, string[]]>([
  [{ kind: 'lose', times: 1 }, ['b', 'c']],
  [{ kind: 'lose' }, []],
  [{ kind: 'duplicate', times: 1 }, ['a', 'a', 'b', 'c']],
  [{ kind: 'reorder', times: 1 }, ['b', 'a', 'c']],
  [{ kind: 'reorder', times: 2 }, ['c', 'a', 'b']],
  [{ kind: 'delay', times: 1, delayMs: 1_000 }, ['b', 'c', 'a']],
])('under the fault %j the posts a, b, c arrive as %j', async (fault, expected) => {
  const { clock, deliveries, names, send } = channel();
  deliveries.faults.add(fault);

  for (const name of ['a', 'b', 'c']) {
    send(name);
    await untilSent(clock);
  }
  await deliveries.settled();

  expect(names()).toEqual(expected);
});

test('what was held back is sent when the faults are cleared, and until then nobody waits for it', async () => {
  const { deliveries, names, send } = channel();
  deliveries.faults.add({ kind: 'reorder' });
  send('a');
  await deliveries.settled();
  const before = names();

  deliveries.faults.clear();
  await deliveries.settled();

  expect([before, names()]).toEqual([[], ['a']]);
  expect(deliveries.faults.list()).toEqual([]);
});

test('a fault that was removed strikes no more', async () => {
  const { deliveries, names, send } = channel();
  const id = deliveries.faults.add({ kind: 'lose' });
  send('a');

  expect([deliveries.faults.remove(id), deliveries.faults.remove(id)]).toEqual([true, false]);
  send('b');
  await deliveries.settled();

  expect(names()).toEqual(['b']);
});

test('the end gives up what waits for its next try, and sends nothing more', async () => {
  const { clock, deliveries, names, send } = channel(() => ({ status: 503 }));
  send('a');
  await untilSent(clock);

  await deliveries.close();
  send('b');
  await deliveries.settled();

  expect(names()).toEqual(['a']);
  expect(clock.elapsedMs()).toBeLessThan(1_000);
});

/** Lets what was just sent arrive, without reaching the first retry. */
async function untilSent(clock: Clock): Promise<void> {
  await clock.sleep(1);
}
