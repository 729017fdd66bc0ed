// The functions: whether their API takes our key, and whether what runs there is what project.yml says, read back as
// `lcp deploy` reads it. Code is not compared: that needs a build.

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parseSettings } from '../../config.ts';
import { compareDeployment, type Difference } from '../../platform/compare-deployment.ts';
import { createDeployedFunctions, type FoundFunction } from '../../platform/deployed-functions.ts';
import { createFunctionsHost } from '../../platform/functions-host.ts';
import { readProject } from '../../platform/project.ts';
import { variableNames } from '../../platform/template.ts';
import { createTriggers } from '../../platform/triggers.ts';
import type { CliEnvironment } from '../environment.ts';
import { type Area, type Finding, failed, notChecked, well } from './check.ts';

const TIMEOUT_MS = 15_000;
const HOST = ['DO_API_HOST', 'DO_NAMESPACE', 'DO_FUNCTIONS_KEY'] as const;
const API = ['DO_NAMESPACE', 'DIGITALOCEAN_API_URL', 'DIGITALOCEAN_TOKEN'] as const;
const DEPLOY = 'run `lcp deploy`, which reads it back and says what is half-done.';

type Environment = Pick<CliEnvironment, 'variables' | 'clock'>;

/** Only where the functions are deployed and this machine may call them. `isLocal` where they run on this machine. */
export function functionsArea(
  environment: Environment,
  { projectFile, isLocal }: { readonly projectFile: string; readonly isLocal: boolean },
): Area {
  const title = 'Functions';
  const { variables } = environment;
  if (!variables.DO_FUNCTIONS_KEY) {
    return { title, notChecked: 'DO_FUNCTIONS_KEY is not set here', checks: [] };
  }
  return {
    title,
    checks: [
      {
        id: 'functions-api',
        what: 'functions API reached with DO_FUNCTIONS_KEY',
        why: 'with it the webhook and the portal wake control/sync; without it each change waits for the schedule.',
        run: async (signal) => {
          const settings = parseSettings(HOST, variables);
          const host = createFunctionsHost({
            apiHost: settings.DO_API_HOST,
            namespace: settings.DO_NAMESPACE,
            key: settings.DO_FUNCTIONS_KEY,
            timeoutMs: TIMEOUT_MS,
          });
          await host.findActivation(randomUUID().replaceAll('-', ''), signal);
          return well();
        },
      },
      {
        id: 'functions-deployed',
        what: 'Each function runs as project.yml says, and is on the web only if it says so',
        why: 'the platform publishes what a deployment does not forbid: on the web anybody could start control/sync.',
        needs: ['functions-api'],
        run: async (signal) =>
          isLocal
            ? notChecked('the functions are on this machine')
            : checkFunctions(environment, projectFile, signal),
      },
      {
        id: 'functions-triggers',
        what: 'The schedules of project.yml are there, on, and start the right functions',
        why: 'a deployment deletes each before it makes it anew; cut off in between, nothing runs by itself any more.',
        needs: ['functions-api'],
        run: async (signal) => {
          if (isLocal) return notChecked('the functions are on this machine');
          if (!variables.DIGITALOCEAN_TOKEN) return notChecked('DIGITALOCEAN_TOKEN is not set here');
          return checkTriggers(environment, projectFile, signal);
        },
      },
    ],
  };
}

async function checkFunctions(
  { variables, clock }: Environment,
  projectFile: string,
  signal: AbortSignal,
): Promise<Finding> {
  const settings = parseSettings(HOST, variables);
  const functions = createDeployedFunctions({
    namespace: settings.DO_NAMESPACE,
    call: {
      clock,
      timeoutMs: TIMEOUT_MS,
      baseUrl: settings.DO_API_HOST,
      key: settings.DO_FUNCTIONS_KEY,
      scheme: 'Basic',
      codes: { unavailable: 'FUNCTION_UNAVAILABLE', refused: 'FUNCTION_REFUSED' },
      remedy: 'Check DO_FUNCTIONS_KEY and DO_NAMESPACE.',
    },
  });
  const found: FoundFunction[] = [];
  for (const name of await functions.list(signal)) {
    const one = await functions.find(name, signal);
    if (one !== undefined) found.push(one);
  }
  const wanted = (await readWanted(projectFile, variables)).map((one) => {
    const actual = found.find(({ name }) => name === one.name);
    // What is not set here is taken as it is there: only its name is compared.
    const environment = Object.fromEntries(
      Object.entries(one.environment).map(([name, value]) => [
        name,
        variables[name] ? value : (actual?.environment[name] ?? value),
      ]),
    );
    return { ...one, environment, codeSha256: actual?.codeSha256 ?? '' };
  });
  const { differences, strays } = compareDeployment(wanted, { functions: found, triggers: [] });
  const wrong = differences.filter(({ kind }) => kind === 'exposed' || kind === 'function');
  const open = strays.filter((stray) => stray.includes('(on the web)'));
  if (wrong.length === 0 && open.length === 0) return well(`${wanted.length} functions`);
  const unknown = open.map((stray) => `${stray} is not in project.yml`);
  return failed([...wrong.map(describe), ...unknown].join('\n'), DEPLOY);
}

async function checkTriggers(
  { variables, clock }: Environment,
  projectFile: string,
  signal: AbortSignal,
): Promise<Finding> {
  const settings = parseSettings(API, variables);
  const triggers = createTriggers({
    namespace: settings.DO_NAMESPACE,
    call: {
      clock,
      timeoutMs: TIMEOUT_MS,
      baseUrl: settings.DIGITALOCEAN_API_URL,
      key: settings.DIGITALOCEAN_TOKEN,
      scheme: 'Bearer',
      codes: { unavailable: 'PLATFORM_UNAVAILABLE', refused: 'DEPLOY_REFUSED' },
      remedy: 'Give DIGITALOCEAN_TOKEN the scope function:admin.',
    },
  });
  const wanted = (await readWanted(projectFile, variables)).map((one) => ({ ...one, codeSha256: '' }));
  const found = await triggers.list(signal);
  const { differences } = compareDeployment(wanted, { functions: [], triggers: found });
  const wrong = differences.filter(({ kind }) => kind.startsWith('trigger'));
  if (wrong.length === 0) return well(found.map(({ name, cron }) => `${name} at ${cron}`).join(', '));
  return failed(wrong.map(describe).join('\n'), DEPLOY);
}

/** With the name of a variable where it is not set here. */
async function readWanted(projectFile: string, variables: Environment['variables']) {
  const text = await readFile(projectFile, 'utf8');
  const values = Object.fromEntries(variableNames(text).map((name) => [name, variables[name] || name]));
  return readProject(text, values);
}

function describe({ functionName, text }: Difference): string {
  return `${functionName}: ${text}.`;
}
