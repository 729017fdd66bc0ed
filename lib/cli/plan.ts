// `lcp plan`: what a run would do now. It writes nothing anywhere.

import { requireSchema } from '../store/schema.ts';
import { renderPlan } from '../sync/plan-text.ts';
import { readPlan } from '../sync/read-plan.ts';
import { type CliEnvironment, withComposition } from './environment.ts';

/** Prints the plan; 0 when there is nothing to do, 2 when there is a difference. The same plan prints the same bytes. */
export async function planCommand(
  environment: CliEnvironment,
  options: { policy: string; json: boolean },
): Promise<number> {
  return withComposition(environment, options.policy, async (parts, { signal }) => {
    await requireSchema(parts.database);
    const { plan, verdict, names } = await readPlan(parts, { kind: 'full' }, signal);
    environment.print(
      options.json ? `${JSON.stringify({ plan, verdict }, null, 2)}\n` : renderPlan(plan, verdict, names),
    );
    return plan.actions.length === 0 ? 0 : 2;
  });
}
