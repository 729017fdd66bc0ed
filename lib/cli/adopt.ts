// `lcp adopt`: takes over a LiteLLM that was filled by hand, in two steps with a file between them that a person reviews.

import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readGroupNames } from '../directory/group-names.ts';
import { ControlError } from '../errors.ts';
import { parseRunId } from '../ids.ts';
import { applyAdoption, planAdoption } from '../sync/adopt/apply-adoption.ts';
import { parseAdoptionText } from '../sync/adopt/file.ts';
import { proposeAdoption } from '../sync/adopt/propose.ts';
import { renderCounts, renderProposal, renderSteps } from '../sync/adopt/render.ts';
import { type CliEnvironment, withComposition } from './environment.ts';

export type ProposeOptions = { readonly policy: string; readonly out: string; readonly force: boolean };

/** Writes the file and nothing else. 0 also when there is nothing to take over. */
export async function adoptProposeCommand(
  environment: CliEnvironment,
  { policy, out, force }: ProposeOptions,
): Promise<number> {
  if (!force && existsSync(out)) throw alreadyThere(out);
  return withComposition(environment, policy, async (parts, { signal }) => {
    const readNames = (reading: AbortSignal) => readGroupNames(parts.directoryClient, reading);
    const proposal = await proposeAdoption({ ...parts, readGroupNames: readNames }, signal);
    writePrivately(out, renderProposal(proposal), force);
    environment.print(
      `${out}: ${renderCounts(proposal)} to take over; ${proposal.left_alone.length} left alone, each with its reason.\nReview it, put its policy entries into policy.yml, then \`lcp adopt apply ${out} --dry-run\`.\n`,
    );
    return 0;
  });
}

/** Prints what was or would be done; 0 when it is done. */
export async function adoptApplyCommand(
  environment: CliEnvironment,
  file: string,
  options: { policy: string; dryRun: boolean },
): Promise<number> {
  const adoption = parseAdoptionText(file, readText(file));
  return withComposition(environment, options.policy, async (parts, { signal }) => {
    if (options.dryRun) {
      const steps = await planAdoption(parts, adoption, signal);
      environment.print(`would take over ${renderCounts(steps)}:\n${renderSteps(steps)}`);
      return 0;
    }
    const request = { runId: parseRunId(randomUUID()), actor: environment.actor, signal };
    const steps = await applyAdoption(parts, adoption, request);
    environment.print(
      `took over ${renderCounts(steps)}:\n${renderSteps(steps)}\`lcp plan\` shows what the next run does.\n`,
    );
    return 0;
  });
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ControlError('CONFIG_INVALID', `Cannot read ${file}; \`lcp adopt propose\` makes it.`, {
      cause,
    });
  }
}

/** It holds mail addresses and hashes of keys that somebody may have chosen by hand. */
function writePrivately(file: string, text: string, force: boolean): void {
  try {
    // A file that is there would keep its mode.
    if (force) rmSync(file, { force: true });
    writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'EEXIST') throw alreadyThere(file);
    throw new ControlError('CONFIG_INVALID', `Cannot write ${file}; name another one with --out.`, { cause });
  }
}

function alreadyThere(file: string): ControlError {
  return new ControlError('CONFIG_INVALID', `${file} exists; name another one with --out, or pass --force.`);
}
