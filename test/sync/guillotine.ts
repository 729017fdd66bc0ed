// Kills a process between any two of its steps, as far as the outside can tell.

import type { Database } from '../../lib/store/database.ts';

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
