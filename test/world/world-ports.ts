// The ports of a local world: the same on every start while they are free, so that a bookmark of the console stays
// true, and others when they are not.

import { findFreePort } from './port.ts';

export type WorldPorts = {
  readonly console: number;
  readonly litellm: number;
  readonly functions: number;
  readonly tenant: number;
  readonly postgres: number;
};

/** LiteLLM's own default, and a row that no well-known program uses. */
const WISHES: WorldPorts = { console: 8700, litellm: 4000, functions: 8701, tenant: 8702, postgres: 8703 };

/** A port for everything. 0 asks for any; what is taken is replaced, and `log` says so. */
export async function choosePorts(
  wishes: Partial<WorldPorts>,
  log: (line: string) => void,
): Promise<WorldPorts> {
  const chosen: Record<string, number> = {};
  for (const [name, wanted] of Object.entries({ ...WISHES, ...wishes })) {
    const port = await findFreePort(wanted);
    if (wanted !== 0 && port !== wanted) log(`Port ${wanted} is taken; ${name} gets ${port} instead`);
    chosen[name] = port;
  }
  return chosen as WorldPorts;
}
