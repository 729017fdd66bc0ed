// The ports of a local world: those wished for while they are free, and others when they are not.

import { findFreePort } from './port.ts';

/** 0 asks for any port. */
export type WorldPorts = {
  readonly console: number;
  readonly litellm: number;
  readonly functions: number;
  readonly tenant: number;
  readonly postgres: number;
  /** The public site, with the portal on it. */
  readonly site: number;
  /** The Teams channel. */
  readonly teams: number;
  /** Spaces. */
  readonly spaces: number;
};

/** Starts something on a port of its own. */
export type UsePort = <T>(name: keyof WorldPorts, start: (port: number) => Promise<T>) => Promise<T>;

/** The same on every `npm start`, so that a bookmark of the console stays true: LiteLLM's own default, and a row that
 *  no well-known program uses. Tests and demos take any port instead: several of them may run at one time. */
export const USUAL_PORTS: WorldPorts = {
  console: 8700,
  litellm: 4000,
  functions: 8701,
  tenant: 8702,
  postgres: 8703,
  site: 8704,
  teams: 8705,
  spaces: 8706,
};

/** Chooses each port only when it is used: LiteLLM takes half a minute to start, and what was free before may be
 *  another world's by then. `log` hears of every port that was taken. */
export function createPortChooser(wishes: Partial<WorldPorts>, log: (line: string) => void): UsePort {
  return async (name, start) => {
    const wanted = wishes[name] ?? 0;
    const port = await findFreePort(wanted);
    if (wanted !== 0 && port !== wanted) log(`Port ${wanted} is taken; ${name} gets ${port} instead`);
    try {
      return await start(port);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      // Somebody was faster by a moment.
      const other = await findFreePort();
      log(`Port ${port} is taken; ${name} gets ${other} instead`);
      return start(other);
    }
  };
}
