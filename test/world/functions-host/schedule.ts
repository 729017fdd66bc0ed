// Fires the scheduler triggers of project.yml: five-field cron in UTC, as the platform does, except for the random
// second that it adds.

import { Cron } from 'croner';
import type { FunctionDeployment } from '../../../lib/platform/project.ts';

export type ScheduledTrigger = {
  readonly triggerName: string;
  readonly functionName: string;
  /** What the platform sends as event. */
  readonly body: Readonly<Record<string, unknown>>;
  nextRunAt(): Date | null;
  stop(): void;
};

/** A running schedule for every enabled trigger; with `isPaused` they only know their times.
 *  @throws what croner says about an expression it cannot read. */
export function scheduleTriggers(
  functions: readonly FunctionDeployment[],
  isPaused: boolean,
  fire: (trigger: ScheduledTrigger) => void,
): ScheduledTrigger[] {
  return functions.flatMap((spec) =>
    spec.triggers
      .filter((trigger) => trigger.isEnabled)
      .map((trigger) => {
        const options = { mode: '5-part', timezone: 'UTC', paused: isPaused } as const;
        const job = new Cron(trigger.cron, options, () => fire(scheduled));
        const scheduled: ScheduledTrigger = {
          triggerName: trigger.name,
          functionName: spec.name,
          body: trigger.body,
          nextRunAt: () => job.nextRun(),
          stop: () => job.stop(),
        };
        return scheduled;
      }),
  );
}
