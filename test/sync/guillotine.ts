// Kills a process between any two of its steps, as far as the outside can tell: before and after each of its calls to
// LiteLLM and each of its transactions.

import type { Database } from '../../lib/store/database.ts';
import type { FakeLiteLLM } from '../world/litellm-fake/start.ts';
import { createFakeState, restoreState } from '../world/litellm-fake/state.ts';
import type { Company } from './reconcile-fixture.ts';
import { saveMoment } from './rewind.ts';

/** Counts steps and dies at the nth: from then on nothing this process asks for reaches anything. */
export class Guillotine {
  count = 0;
  readonly #at: number;
  readonly #underWay = new Set<Promise<unknown>>();
  constructor(at: number) {
    this.#at = at;
  }

  async step<T>(work: () => Promise<T>): Promise<T> {
    this.count += 1;
    if (this.count >= this.#at) throw new Error('killed before');
    const working = work();
    this.#underWay.add(working);
    const result = await working.finally(() => this.#underWay.delete(working));
    this.count += 1;
    if (this.count >= this.#at) throw new Error('killed after');
    return result;
  }

  /** What had reached LiteLLM or PostgreSQL before the end is done there. */
  async untilQuiet(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  gateway<Methods extends object>(gateway: Methods): Methods {
    return Object.fromEntries(
      Object.entries(gateway).map(([name, method]) => [
        name,
        (...args: never[]) => this.step(() => (method as (...a: never[]) => Promise<unknown>)(...args)),
      ]),
    ) as unknown as Methods;
  }

  database(database: Database): Database {
    return {
      query: (text, values) => this.step(() => database.query(text, values)),
      transaction: (work) => this.step(() => database.transaction(work)),
      close: () => database.close(),
    };
  }
}

/** Runs the company that `prepare` makes up to another step each time, from the same beginning, frees the lease as time
 *  would, and lets `check` look at it. Ends with the run that was not cut off; returns how many steps there were.
 *  The fake LiteLLM forgets what it knew before. */
export async function killAtEveryStep<C extends Company>(
  litellm: FakeLiteLLM,
  prepare: () => Promise<C>,
  check: (company: C, at: number) => Promise<void>,
): Promise<number> {
  restoreState(litellm.state, createFakeState());
  const company = await prepare();
  const rewind = await saveMoment(company.database, litellm);
  for (let at = 1; ; at += 1) {
    const guillotine = new Guillotine(at);
    const isFinished = await company
      .run({ gateway: guillotine.gateway(company.gateway), database: guillotine.database(company.database) })
      .then(
        () => true,
        () => false,
      );
    await guillotine.untilQuiet();
    await company.database.query('update leases set expires_at = clock_timestamp()');
    await check(company, at);
    if (isFinished) return at;
    await rewind();
  }
}
