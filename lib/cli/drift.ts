// `lcp drift`: what somebody changed in LiteLLM by hand, as of now. It changes nothing.

import { renderDrift } from '../sync/drift-text.ts';
import { readPlan } from '../sync/read-plan.ts';
import { readItemChange } from '../sync/record-drift.ts';
import { type CliEnvironment, withComposition } from './environment.ts';

/** 0 when everything is as we set it, 2 when something is not. */
export async function driftCommand(
  environment: CliEnvironment,
  options: { policy: string; json: boolean },
): Promise<number> {
  return withComposition(environment, options.policy, async (parts, { signal }) => {
    const { plan, drift, names } = await readPlan(parts, { kind: 'full' }, signal);
    const told = await Promise.all(
      drift.map(async (item) => ({
        ...item,
        lastChange: await readItemChange(parts.gateway, item, signal),
      })),
    );
    const all = new Map([
      ...names,
      ...plan.teams.map((team) => [team.teamId as string, team.alias] as const),
    ]);
    const text = told.map(({ lastChange, ...item }) => renderDrift(item, lastChange, all)).join('');
    environment.print(
      options.json
        ? `${JSON.stringify(told, null, 2)}\n`
        : text || 'No drift: everything that we manage is as we set it.\n',
    );
    return told.length === 0 ? 0 : 2;
  });
}
