// `lcp provision`: shows what is there, what would be made and what it costs a month; with --apply makes it, waits for the
// droplet and takes its settings over. It has no way to destroy anything: docs/provision.md says how to do that by hand.

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseSettings } from '../config.ts';
import { createDigitalOcean } from '../platform/digitalocean/client.ts';
import { KNOWN_HOSTS, recordHostPin } from '../platform/host-pin.ts';
import { runOverSsh } from '../platform/ssh.ts';
import { type Applied, applyDropletPlan } from '../provision/apply.ts';
import { packArchive, readDropletFiles } from '../provision/archive.ts';
import { readCurrent } from '../provision/current.ts';
import { parseDropletFile } from '../provision/file.ts';
import {
  type FirstBootDependencies,
  readPrintedSettings,
  waitForFirstBoot,
} from '../provision/first-boot.ts';
import { hostsOf } from '../provision/names.ts';
import { type Plan, planDroplet } from '../provision/plan.ts';
import { renderDropletPlan } from '../provision/plan-text.ts';
import { mergeSettings, readSettingsFile, writeSettingsFile } from '../provision/settings-file.ts';
import { renderUserData } from '../provision/user-data.ts';
import type { Wanted } from '../provision/wanted.ts';
import { isConfirmed } from './confirm.ts';
import { type CliEnvironment, readInputFile } from './environment.ts';

export type ProvisionOptions = {
  readonly file: string;
  readonly apply: boolean;
  readonly yes: boolean;
  /** Where `--apply` ends. */
  readonly until: 'machine' | 'settings';
  readonly envFile: string;
  readonly force: boolean;
};

/** The steps at DigitalOcean take minutes, the first boot up to an hour; each wait has its own, shorter limit. */
const COMMAND_TIMEOUT_MS = 100 * 60_000;

/** Dry run: 0 when all is as droplet.yml says, 2 when not, 1 when something stands in the way. With --apply: 0 when all is
 *  done, 1 when something needs a person. */
export async function provisionCommand(
  environment: CliEnvironment,
  options: ProvisionOptions,
): Promise<number> {
  const settings = parseSettings(['DIGITALOCEAN_TOKEN', 'DIGITALOCEAN_API_URL'], environment.variables);
  const wanted = parseDropletFile(
    readInputFile(options.file, 'run lcp where droplet/ is, or name it with --file.'),
  );
  const signal = AbortSignal.timeout(COMMAND_TIMEOUT_MS);
  const cloud = createDigitalOcean({
    apiUrl: settings.DIGITALOCEAN_API_URL,
    token: settings.DIGITALOCEAN_TOKEN,
    clock: environment.clock,
    signal,
    // One command of one person: nobody to be spread from.
    random: () => 1,
  });
  const plan = planDroplet(wanted, await readCurrent(cloud, wanted));
  // Also in the dry run, so that what is wrong with it is known before anything is made.
  const userData = await buildUserData(path.dirname(options.file), wanted);
  environment.print(renderDropletPlan(plan));
  if (plan.refusals.length > 0) return 1;
  if (!options.apply) return showNext(environment, plan);

  if (plan.steps.length > 0 && !options.yes && !(await isConfirmed(question(plan)))) {
    environment.printError('Nothing was made. Without a terminal, say --yes.\n');
    return 1;
  }
  const report = (line: string) => environment.printError(`${line}\n`);
  const applied = await applyDropletPlan(wanted, plan, {
    cloud,
    clock: environment.clock,
    signal,
    userData: async () => userData,
    report,
  });
  environment.print(`\nThe droplet is ${applied.dropletId} at ${applied.address}.\n`);
  if (options.until === 'settings') await takeSettings(environment, options, wanted, applied, signal);
  return plan.differences.length > 0 ? 1 : 0;
}

async function buildUserData(folder: string, wanted: Wanted): Promise<string> {
  const template = await readFile(path.join(folder, 'cloud-init', 'user-data.yaml'), 'utf8');
  return renderUserData(template, wanted, packArchive(await readDropletFiles(folder)));
}

function showNext(environment: CliEnvironment, plan: Plan): number {
  if (plan.steps.length > 0) environment.print('\nNothing was made. `lcp provision --apply` makes it.\n');
  return plan.steps.length > 0 || plan.differences.length > 0 ? 2 : 0;
}

function question({ steps, cost }: Plan): string {
  return `Make this (${steps.length} steps), for $${cost?.totalUsd.toFixed(2) ?? '?'} a month in all? [y/N] `;
}

async function takeSettings(
  environment: CliEnvironment,
  options: ProvisionOptions,
  wanted: Wanted,
  { dropletId, address }: Applied,
  signal: AbortSignal,
): Promise<void> {
  const ssh = `root@${address}`;
  const knownHostsFile = path.resolve(path.dirname(options.file), KNOWN_HOSTS);
  const pin = { knownHostsFile, alias: `droplet-${dropletId}`, isFirstContact: true };
  const target = { address: ssh, pin, variables: environment.variables };
  const firstBoot: FirstBootDependencies = {
    run: (command, timeoutMs) => runOverSsh(target, command, { timeoutMs, signal }),
    clock: environment.clock,
    signal,
    report: (line) => environment.printError(`${line}\n`),
    sshCommand: `ssh ${ssh}`,
  };
  await waitForFirstBoot(firstBoot);
  await recordHostPin(pin, [address, ...hostsOf(wanted)]);
  const printed = await readPrintedSettings(firstBoot);
  const current = await readSettingsFile(options.envFile);
  const merge = mergeSettings(current, printed, {
    known: { DROPLET_SSH: ssh },
    isOverwriting: options.force,
  });
  const backup =
    merge.text === current
      ? undefined
      : await writeSettingsFile(options.envFile, merge.text, environment.clock.now());
  environment.print(renderMerge(merge, options, backup));
  environment.print(
    `The stack is up. Next: \`lcp migrate\`, \`lcp doctor\`, \`lcp plan\`, \`lcp deploy\` (https://${wanted.public_host}).\n`,
  );
}

/** Names only: the values are secrets. */
function renderMerge(
  { added, differing, ignored }: ReturnType<typeof mergeSettings>,
  { envFile, force }: ProvisionOptions,
  backup: string | undefined,
): string {
  const line = (label: string, names: readonly string[]) =>
    names.length > 0 ? `${envFile}: ${label} ${names.join(', ')}\n` : '';
  return [
    line('added', added),
    line(
      force ? 'overwritten' : 'left as it was, though the droplet has another value (--force takes it):',
      differing,
    ),
    line('not taken from a droplet:', ignored),
    backup === undefined ? '' : `${envFile}: the one before is ${backup}\n`,
  ].join('');
}
