// Deploys the functions until what is read back is what was asked for: doctl, read back, put right; once more; then back
// to the deployment before. doctl's own word counts for nothing, because its deployer reports a function whose trigger
// failed as deployed and may be cut off anywhere.
//
// Nothing is ever deleted. What cannot be put right is said per function, and a repeat goes on from there.

import { ControlError, isControlError } from '../errors.ts';
import {
  type Comparison,
  compareDeployment,
  type Difference,
  type Found,
  type WantedFunction,
} from './compare-deployment.ts';
import type { DeployedFunctions } from './deployed-functions.ts';
import type { Doctl } from './doctl.ts';
import type { Triggers } from './triggers.ts';

export type DeployParts = {
  readonly doctl: Doctl;
  readonly functions: DeployedFunctions;
  readonly triggers: Triggers;
  /** What happens, one line at a time. */
  readonly tell: (line: string) => void;
};

export type DeployTarget = {
  readonly id: string;
  readonly folder: string;
  readonly wanted: readonly WantedFunction[];
};

export type DeployRequest = {
  readonly target: DeployTarget;
  /** What ran before and can be deployed again. */
  readonly previous: DeployTarget | undefined;
  readonly environmentFile: string;
  readonly secrets: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
};

export type DeployOutcome =
  | { readonly status: 'deployed'; readonly comparison: Comparison }
  | { readonly status: 'rolled_back'; readonly reasons: readonly Difference[] }
  | {
      readonly status: 'half_done';
      readonly differences: readonly Difference[];
      readonly running: readonly string[];
    };

const ATTEMPTS = 2;

/** @throws ControlError DEPLOY_REFUSED, DEPLOY_INCOMPLETE when it could not be read back: then nobody knows what runs */
export async function deployFunctions(parts: DeployParts, request: DeployRequest): Promise<DeployOutcome> {
  const { target, previous } = request;
  let comparison = await deployUntilProven(parts, request, target);
  if (comparison.differences.length === 0) return { status: 'deployed', comparison };

  const reasons = comparison.differences;
  if (previous !== undefined) {
    parts.tell(`returning to ${previous.id}, the deployment before`);
    comparison = await deployUntilProven(parts, request, previous);
    if (comparison.differences.length === 0) return { status: 'rolled_back', reasons };
  }
  const found = await readFound(parts, request.signal);
  const running = target.wanted.map(({ name }) => describeRunning(name, found, target, previous));
  const { differences } = compareDeployment(target.wanted, found);
  return { status: 'half_done', differences, running };
}

/** What runs in the namespace now. @throws ControlError DEPLOY_INCOMPLETE */
export async function readFound(
  { functions, triggers }: Pick<DeployParts, 'functions' | 'triggers'>,
  signal: AbortSignal,
): Promise<Found> {
  const names = await functions.list(signal);
  const found = [];
  // One after the other: the namespace's throttle is shared with the functions at work.
  for (const name of names) {
    const one = await functions.find(name, signal);
    if (one !== undefined) found.push(one);
  }
  return { functions: found, triggers: await triggers.list(signal) };
}

async function deployUntilProven(
  parts: DeployParts,
  request: DeployRequest,
  target: DeployTarget,
): Promise<Comparison> {
  let comparison: Comparison | undefined;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    parts.tell(`doctl deploys ${target.id}${attempt > 1 ? ' again' : ''}`);
    const { environmentFile, secrets, signal } = request;
    const { isContent, words } = await parts.doctl.deploy(target.folder, environmentFile, secrets, signal);
    if (!isContent) parts.tell(`doctl is not content:\n${words.trim()}`);
    comparison = await putRight(parts, target, signal);
    if (comparison.differences.length === 0) return comparison;
    for (const { functionName, text } of comparison.differences) parts.tell(`${functionName}: ${text}`);
  }
  if (comparison === undefined) throw new Error('There was no attempt.');
  return comparison;
}

/** Takes off the web what must not be there and makes or corrects triggers, then reads everything again. */
async function putRight(parts: DeployParts, target: DeployTarget, signal: AbortSignal): Promise<Comparison> {
  const read = () => readBack(parts, target, signal);
  const first = await read();
  const isThere = (name: string) => first.found.functions.some((one) => one.name === name);
  const repairable = first.comparison.differences.filter(
    ({ kind, functionName }) => kind !== 'function' && kind !== 'trigger_elsewhere' && isThere(functionName),
  );
  if (repairable.length === 0) return first.comparison;
  for (const difference of repairable) {
    try {
      await repair(parts, difference, first.found, signal);
      parts.tell(`${difference.functionName}: ${difference.text}; put right`);
    } catch (error) {
      if (!isControlError(error)) throw error;
      // The reading below judges; a refused repair may have been made all the same.
      parts.tell(`${difference.functionName}: ${difference.text}; not put right. ${error.message}`);
    }
  }
  return (await read()).comparison;
}

async function readBack(
  parts: DeployParts,
  target: DeployTarget,
  signal: AbortSignal,
): Promise<{ found: Found; comparison: Comparison }> {
  try {
    const found = await readFound(parts, signal);
    return { found, comparison: compareDeployment(target.wanted, found) };
  } catch (cause) {
    if (!isControlError(cause)) throw cause;
    const hidden = target.wanted.filter(({ web }) => web === false).map(({ name }) => name);
    throw new ControlError(
      'DEPLOY_INCOMPLETE',
      `doctl deployed, but what runs could not be read back, so nothing is proven. Run \`lcp deploy\` again; until then nobody knows whether ${hidden.join(', ')} is off the web as it must be. ${cause.message}`,
      { cause, retryable: true },
    );
  }
}

async function repair(
  parts: DeployParts,
  difference: Difference,
  found: Found,
  signal: AbortSignal,
): Promise<void> {
  switch (difference.kind) {
    case 'exposed': {
      const exposed = found.functions.find(({ name }) => name === difference.functionName);
      if (exposed !== undefined) await parts.functions.takeOffTheWeb(exposed, signal);
      return;
    }
    case 'trigger_missing':
      return parts.triggers.create(difference.trigger, signal);
    case 'trigger_changed':
      return parts.triggers.correct(difference.trigger, signal);
    case 'function':
    case 'trigger_elsewhere':
      return;
  }
}

function describeRunning(
  name: string,
  found: Found,
  target: DeployTarget,
  previous: DeployTarget | undefined,
): string {
  const running = found.functions.find((one) => one.name === name);
  if (running === undefined) return `${name}: not deployed`;
  const codeOf = (deployment: DeployTarget | undefined) =>
    deployment?.wanted.find((one) => one.name === name)?.codeSha256;
  const which =
    running.codeSha256 === undefined
      ? 'some code'
      : running.codeSha256 === codeOf(target)
        ? `the new code (${target.id})`
        : running.codeSha256 === codeOf(previous)
          ? `the code before (${previous?.id})`
          : 'code of another deployment';
  return `${name}: runs ${which}, version ${running.version}${running.web === false ? '' : ', on the web'}`;
}
