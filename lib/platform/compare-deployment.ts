// Compares what project.yml and the build ask for with what was read back, exactly. Decides nothing about how it is put
// right. Names of variables appear, values never.

import { renderCanonical } from '../canonical.ts';
import type { FoundFunction } from './deployed-functions.ts';
import type { FunctionDeployment } from './project.ts';
import type { BoundTrigger } from './triggers.ts';

export type WantedFunction = FunctionDeployment & { readonly codeSha256: string };

export type Found = {
  readonly functions: readonly FoundFunction[];
  readonly triggers: readonly BoundTrigger[];
};

export type Difference =
  /** On the web although project.yml says it must not be. */
  | { readonly kind: 'exposed'; readonly functionName: string; readonly text: string }
  | { readonly kind: 'function'; readonly functionName: string; readonly text: string }
  | {
      readonly kind: 'trigger_missing';
      readonly functionName: string;
      readonly trigger: BoundTrigger;
      readonly text: string;
    }
  | {
      readonly kind: 'trigger_changed';
      readonly functionName: string;
      readonly trigger: BoundTrigger;
      readonly text: string;
    }
  /** It starts another function; only a deployment makes it anew. */
  | {
      readonly kind: 'trigger_elsewhere';
      readonly functionName: string;
      readonly trigger: BoundTrigger;
      readonly text: string;
    };

export type Comparison = {
  /** In the order of project.yml, exposures first. */
  readonly differences: readonly Difference[];
  /** Functions and triggers that project.yml does not name: ours to point at, not ours to delete. */
  readonly strays: readonly string[];
  /** Functions whose code or some variables the platform did not show, so that equality is not proven. */
  readonly unproven: readonly string[];
};

/** Pure. */
export function compareDeployment(wanted: readonly WantedFunction[], found: Found): Comparison {
  const byName = new Map(found.functions.map((one) => [one.name, one]));
  const functions = wanted.flatMap((one) => compareFunction(one, byName.get(one.name)));
  const exposed = functions.filter(({ kind }) => kind === 'exposed');
  const rest = functions.filter(({ kind }) => kind !== 'exposed');
  const triggers = wanted.flatMap((one) => compareTriggers(one, found.triggers));
  return {
    differences: [...exposed, ...rest, ...triggers],
    strays: describeStrays(wanted, found),
    unproven: wanted.map(({ name }) => name).filter((name) => isUnproven(byName.get(name))),
  };
}

function compareFunction(wanted: WantedFunction, found: FoundFunction | undefined): Difference[] {
  const functionName = wanted.name;
  if (found === undefined) return [{ kind: 'function', functionName, text: 'it is not deployed' }];
  const texts: string[] = [];
  const compare = (what: string, expected: unknown, actual: unknown) => {
    if (expected !== actual) texts.push(`${what} is ${String(actual)}, not ${String(expected)}`);
  };
  compare('its runtime', wanted.runtime, found.runtime);
  compare('its entry point', wanted.main, found.main);
  compare('its time limit in ms', wanted.timeoutMs, found.timeoutMs);
  compare('its memory in MB', wanted.memoryMb, found.memoryMb);
  if (wanted.web !== false) compare('on the web it', describeWeb(wanted.web), describeWeb(found.web));
  if ((wanted.webSecret !== undefined) !== found.hasWebSecret) {
    texts.push(
      found.hasWebSecret ? 'it asks callers for a secret' : 'it does not ask callers for its secret',
    );
  }
  if (found.codeSha256 !== undefined && found.codeSha256 !== wanted.codeSha256) {
    texts.push('its code is not the one that was built');
  }
  texts.push(...compareVariables(wanted.environment, found.environment));
  const differences = texts.map((text): Difference => ({ kind: 'function', functionName, text }));
  if (wanted.web === false && found.web !== false) {
    const text = 'IT IS ON THE WEB and must not be: anybody can call it';
    differences.unshift({ kind: 'exposed', functionName, text });
  }
  return differences;
}

function compareVariables(
  wanted: Readonly<Record<string, string>>,
  found: Readonly<Record<string, string | undefined>>,
): string[] {
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(found)])].sort();
  return names.flatMap((name) => {
    if (!(name in found)) return [`it does not have ${name}`];
    if (!(name in wanted)) return [`it has ${name}, which it must not`];
    const isOther = found[name] !== undefined && found[name] !== wanted[name];
    return isOther ? [`its ${name} is another`] : [];
  });
}

function compareTriggers(wanted: WantedFunction, found: readonly BoundTrigger[]): Difference[] {
  return wanted.triggers.flatMap((one): Difference[] => {
    const trigger = { ...one, functionName: wanted.name };
    const place = { functionName: wanted.name, trigger };
    const actual = found.find(({ name }) => name === trigger.name);
    if (actual === undefined) {
      return [{ kind: 'trigger_missing', ...place, text: `its trigger ${trigger.name} is missing` }];
    }
    if (actual.functionName !== wanted.name) {
      const text = `its trigger ${trigger.name} starts ${actual.functionName} instead`;
      return [{ kind: 'trigger_elsewhere', ...place, text }];
    }
    const texts = [
      actual.isEnabled === trigger.isEnabled ? '' : actual.isEnabled ? 'is on' : 'is switched off',
      actual.cron === trigger.cron ? '' : `runs at ${actual.cron}, not ${trigger.cron}`,
      renderCanonical(actual.body) === renderCanonical(trigger.body) ? '' : 'hands over other parameters',
    ].filter((text) => text !== '');
    if (texts.length === 0) return [];
    return [{ kind: 'trigger_changed', ...place, text: `its trigger ${trigger.name} ${texts.join(', ')}` }];
  });
}

function describeStrays(wanted: readonly WantedFunction[], found: Found): string[] {
  const functionNames = new Set(wanted.map(({ name }) => name));
  const triggerNames = new Set(wanted.flatMap(({ triggers }) => triggers.map(({ name }) => name)));
  return [
    ...found.functions
      .filter(({ name }) => !functionNames.has(name))
      .map(({ name, web }) => `function ${name}${web === false ? '' : ' (on the web)'}`),
    ...found.triggers
      .filter(({ name }) => !triggerNames.has(name))
      .map(
        ({ name, functionName, isEnabled }) =>
          `trigger ${name} (${isEnabled ? 'starts' : 'off, of'} ${functionName})`,
      ),
  ];
}

function isUnproven(found: FoundFunction | undefined): boolean {
  if (found === undefined) return false;
  return found.codeSha256 === undefined || Object.values(found.environment).includes(undefined);
}

function describeWeb(web: boolean | 'raw'): string {
  if (web === false) return 'is not reachable';
  return web === 'raw' ? 'gets requests as they come' : 'gets parsed parameters';
}
