// `lcp deploy`: our code to where it runs. Checks everything that can be known before, shows what would change, asks,
// then deploys the functions until what is read back is what project.yml says, and ships the agent to the droplet.

import { spawn } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { parseSettings, VARIABLES, type VariableName } from '../config.ts';
import { ControlError, isControlError } from '../errors.ts';
import { compareDeployment, type WantedFunction } from '../platform/compare-deployment.ts';
import { type DeployOutcome, deployFunctions, readFound } from '../platform/deploy-functions.ts';
import { createDeployedFunctions } from '../platform/deployed-functions.ts';
import { type Deployment, findProven, keepDeployment, recordProven } from '../platform/deployment-folder.ts';
import { createDoctl } from '../platform/doctl.ts';
import { readProject } from '../platform/project.ts';
import { checkDeployEnvironment } from '../platform/template.ts';
import { createTriggers } from '../platform/triggers.ts';
import { problemsError } from '../problems.ts';
import { isConfirmed } from './confirm.ts';
import { deployToDroplet } from './deploy-droplet.ts';
import { renderDeployOutcome, renderDeployPlan } from './deploy-text.ts';
import { type CliEnvironment, readInputFile, readPolicyFile, withControlDatabase } from './environment.ts';

export type DeployCommandOptions = {
  /** The file with the settings, which doctl reads too. */
  readonly env: string;
  readonly dryRun: boolean;
  readonly yes: boolean;
};

/** Where things are. Tests deploy another checkout to another cloud. */
export type DeployPlace = {
  readonly root: string;
  /** Brings `packages/…/bundle` below root up to date. */
  readonly build: (root: string) => Promise<void>;
};

const TIMEOUT_MS = 20 * 60_000;
const DEPLOY_TIMEOUT_MS = 10 * 60_000;
const CALL_TIMEOUT_MS = 20_000;
const HERE: DeployPlace = {
  root: path.resolve(import.meta.dirname, '..', '..'),
  build: buildByScript,
};
const NEEDED = [
  'DO_API_HOST',
  'DO_NAMESPACE',
  'DO_FUNCTIONS_KEY',
  'DIGITALOCEAN_TOKEN',
  'DIGITALOCEAN_API_URL',
  'DROPLET_SSH',
] as const;

/** 0 when all of it runs as project.yml says, 1 otherwise. */
export async function deployCommand(
  environment: CliEnvironment,
  options: DeployCommandOptions,
  place: DeployPlace = HERE,
): Promise<number> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const values = parseEnv(readInputFile(options.env, 'copy .env.example to it, or name it with --env.'));
  await checkBefore(environment, values, place);
  const settings = parseSettings(NEEDED, values);
  const parts = createParts(environment, settings);
  const connection = await parts.doctl.readConnection(signal);
  if (connection.namespace !== settings.DO_NAMESPACE) {
    const message = `doctl is connected to ${connection.namespace}, and DO_NAMESPACE is ${settings.DO_NAMESPACE}. Run \`doctl serverless connect\` and choose it, or correct DO_NAMESPACE; nothing was deployed.`;
    throw new ControlError('DEPLOY_REFUSED', message);
  }

  await place.build(place.root);
  const store = path.join(place.root, 'dist', 'deployments');
  await mkdir(store, { recursive: true });
  const deployment = await keepDeployment({
    root: place.root,
    store,
    functionNames: readProject(await readFile(path.join(place.root, 'project.yml'), 'utf8'), values).map(
      ({ name }) => name,
    ),
    version: await readVersion(place.root),
  });
  const target = toTarget(deployment, values);
  const before = compareDeployment(target.wanted, await readFound(parts, signal));
  const isWaiting = before.differences.length > 0 || before.unproven.length > 0;
  environment.print(
    renderDeployPlan({
      id: deployment.id,
      connection,
      wanted: target.wanted,
      before,
      droplet: settings.DROPLET_SSH,
    }),
  );
  if (options.dryRun) return 0;
  if (!options.yes && !(await isConfirmed('Deploy this? [y/N] '))) {
    environment.printError('Nothing was deployed. Answer y, or pass --yes where there is no terminal.\n');
    return 1;
  }

  if (isWaiting) {
    const proven = await findProven(store, deployment.id);
    const previous = proven === undefined ? undefined : findTarget(proven, values);
    const request = { target, previous, environmentFile: path.resolve(options.env), secrets: values, signal };
    const outcome = await deployFunctions(parts, request);
    environment.print(
      renderDeployOutcome(outcome, { deploymentId: deployment.id, previousId: previous?.id }),
    );
    if (!isDeployed(outcome)) return 1;
  }
  await recordProven(store, deployment.id);
  await deployToDroplet(environment, { values, root: place.root }, signal);
  return 0;
}

/** Everything that can be known to fail before anything is built or sent.
 *  @throws ControlError CONFIG_INVALID, STORE_SCHEMA_MISMATCH, STORE_UNAVAILABLE, STORE_DENIED */
async function checkBefore(
  environment: CliEnvironment,
  values: Readonly<Record<string, string | undefined>>,
  { root }: DeployPlace,
): Promise<void> {
  const projectText = await readFile(path.join(root, 'project.yml'), 'utf8');
  const problems = checkDeployEnvironment(projectText, values);
  if (problems.length > 0) throw problemsError('The file of --env', problems);
  for (const { environment: wanted } of readProject(projectText, values)) {
    // The deployer's ${NAME} carries text; whether a function can start with it, its own schema says.
    parseSettings(
      Object.keys(wanted).filter((name): name is VariableName => name in VARIABLES),
      wanted,
    );
  }
  readPolicyFile(path.join(root, 'policy.yml'));
  await withControlDatabase({ ...environment, variables: values }, async () => undefined);
}

function createParts(
  environment: CliEnvironment,
  settings: ReturnType<typeof parseSettings<(typeof NEEDED)[number]>>,
) {
  const { clock, variables } = environment;
  const namespace = settings.DO_NAMESPACE;
  const token = settings.DIGITALOCEAN_TOKEN;
  const call = { clock, timeoutMs: CALL_TIMEOUT_MS };
  return {
    doctl: createDoctl({ variables, token, timeoutMs: DEPLOY_TIMEOUT_MS }),
    functions: createDeployedFunctions({
      namespace,
      call: {
        ...call,
        baseUrl: settings.DO_API_HOST,
        key: settings.DO_FUNCTIONS_KEY,
        scheme: 'Basic',
        codes: { unavailable: 'FUNCTION_UNAVAILABLE', refused: 'FUNCTION_REFUSED' },
        remedy: 'Check DO_FUNCTIONS_KEY and DO_NAMESPACE with `lcp doctor`.',
      },
    }),
    triggers: createTriggers({
      namespace,
      call: {
        ...call,
        baseUrl: settings.DIGITALOCEAN_API_URL,
        key: token,
        scheme: 'Bearer',
        codes: { unavailable: 'PLATFORM_UNAVAILABLE', refused: 'DEPLOY_REFUSED' },
        remedy: 'Give DIGITALOCEAN_TOKEN the scope function:admin.',
      },
    }),
    tell: (line: string) => environment.printError(`  ${line}\n`),
  };
}

function toTarget(
  deployment: Deployment,
  values: Readonly<Record<string, string | undefined>>,
): { id: string; folder: string; wanted: WantedFunction[] } {
  const wanted = readProject(deployment.projectText, values).map((one) => ({
    ...one,
    codeSha256: deployment.codeSha256[one.name] ?? '',
  }));
  return { id: deployment.id, folder: deployment.folder, wanted };
}

/** Undefined where today's settings cannot fill in the project.yml of that day. */
function findTarget(
  deployment: Deployment,
  values: Readonly<Record<string, string | undefined>>,
): ReturnType<typeof toTarget> | undefined {
  try {
    return toTarget(deployment, values);
  } catch (error) {
    if (isControlError(error, 'CONFIG_INVALID')) return undefined;
    throw error;
  }
}

function isDeployed({ status }: DeployOutcome): boolean {
  return status === 'deployed';
}

async function readVersion(root: string): Promise<string> {
  const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

/** The build needs esbuild and the sources, so it is a program of its own beside the library.
 *  @throws ControlError CONFIG_INVALID */
function buildByScript(root: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const script = path.join(root, 'scripts', 'build.ts');
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let err = '';
    child.stderr.on('data', (chunk) => (err += chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else
        reject(new ControlError('CONFIG_INVALID', `The build failed; nothing was deployed.\n${err.trim()}`));
    });
  });
}
