// `lcp doctor`: the whole chain from the outside in, each area in a file of doctor/. Stops at nothing, changes nothing;
// with --send it posts one test card to Teams.

import { type Composition, composeSync, OPERATOR_SETTINGS } from '../composition.ts';
import { parseSettings } from '../config.ts';
import { createLog } from '../log.ts';
import { joinMutualTls } from '../mutual-tls.ts';
import type { Policy } from '../policy/schema.ts';
import { listAreas, type Own } from './doctor/areas.ts';
import { runAreas } from './doctor/check.ts';
import { type Network, systemNetwork } from './doctor/network.ts';
import { countFailures, renderReport } from './doctor/render.ts';
import { type CliEnvironment, readPolicyFile } from './environment.ts';

/** A check that takes longer has found its problem. LiteLLM with 1,000 people lists them in a few seconds. */
const CHECK_LIMIT_MS = 30_000;

export type DoctorOptions = { readonly policy: string; readonly send: boolean };

/** 0 when everything that can be seen from here is well, 1 otherwise. */
export async function doctorCommand(
  environment: CliEnvironment,
  options: DoctorOptions,
  network: Network = systemNetwork,
): Promise<number> {
  const own = orUndefined(() => readOwn(environment));
  const policy = orUndefined(() => readPolicyFile(options.policy));
  const parts = own && compose(environment, own, policy);
  try {
    const context = { environment, network, own, policy, parts };
    const areas = listAreas({ ...context, policyFile: options.policy, isSending: options.send });
    const report = await runAreas(areas, CHECK_LIMIT_MS);
    environment.print(renderReport(report));
    return countFailures(report) === 0 ? 0 : 1;
  } finally {
    await parts?.close();
  }
}

function readOwn({ variables }: CliEnvironment): Own {
  const settings = parseSettings(OPERATOR_SETTINGS, variables);
  return { settings, tls: joinMutualTls(settings.DATA_PLANE_CA, settings.OPERATOR_CLIENT_IDENTITY) };
}

/** What is wrong with it is said by a check of its own. */
function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function compose({ clock }: CliEnvironment, own: Own, policy: Policy | undefined): Composition {
  return composeSync({
    ...own,
    // Nothing here decides by it.
    policy: policy ?? ({ groups: [] } as unknown as Policy),
    clock,
    log: createLog({}, { write: () => undefined }),
    codeVersion: 'cli',
    deadlineAt: new Date(clock.now().getTime() + CHECK_LIMIT_MS),
  });
}
