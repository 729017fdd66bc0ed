// Kills a process between any two of its steps, as far as the outside can tell: before and after each of its calls to
// LiteLLM and each of its transactions.

import type { Database } from '../../lib/store/database.ts';
import type { Company } from './reconcile-fixture.ts';

/** Counts steps and dies at the nth: from then on nothing this process asks for reaches anything. */
export class Guillotine {
  count = 0;
  readonly #at: number;
  constructor(at: number) {
    this.#at = at;
  }

  async step<T>(work: () => Promise<T>): Promise<T> {
    this.count += 1;
    if (this.count >= this.#at) throw new Error('killed before');
    const result = await work();
    this.count += 1;
    if (this.count >= this.#at) throw new Error('killed after');
    return result;
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

/** Runs each company that `prepare` makes up to another step, frees the lease as time would, and lets `check` look at
 *  it. Ends with the run that was not cut off; returns how many steps there were. */
export async function killAtEveryStep<C extends Company>(
  prepare: () => Promise<C>,
  check: (company: C, at: number) => Promise<void>,
): Promise<number> {
  for (let at = 1; ; at += 1) {
    const company = await prepare();
    const guillotine = new Guillotine(at);
    const isFinished = await company
      .run({ gateway: guillotine.gateway(company.gateway), database: guillotine.database(company.database) })
      .then(
        () => true,
        () => false,
      );
    await company.database.query('update leases set expires_at = clock_timestamp()');
    await check(company, at);
    if (isFinished) return at;
  }
}
