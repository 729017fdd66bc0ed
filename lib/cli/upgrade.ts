// `lcp upgrade`: LiteLLM on the droplet to another version, or back to the one before by itself.

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseSettings } from '../config.ts';
import { ControlError } from '../errors.ts';
import { checkGatewayVersion } from '../gateway/health.ts';
import { findHostPin, KNOWN_HOSTS } from '../platform/host-pin.ts';
import { FORWARD } from '../platform/upgrade/decision.ts';
import { describePhase, runUpgrade, type UpgradeOutcome } from '../platform/upgrade/run-upgrade.ts';
import { openUpgradeSession, type UpgradeState } from '../platform/upgrade/session.ts';
import { checkVersionJump, withoutPrefix } from '../platform/upgrade/versions.ts';
import { isConfirmed } from './confirm.ts';
import type { CliEnvironment } from './environment.ts';

export type UpgradeOptions = { readonly to?: string; readonly dryRun: boolean; readonly yes: boolean };

/** A large database is dumped, migrated and perhaps restored in it. */
const TIMEOUT_MS = 4 * 60 * 60_000;
const DROPLET = path.resolve(import.meta.dirname, '..', '..', 'droplet');

/** 0 when the version asked for serves, 1 when the one before does; without --to it goes on with an unfinished one. */
export async function upgradeCommand(environment: CliEnvironment, options: UpgradeOptions): Promise<number> {
  const { DROPLET_SSH: address } = parseSettings(['DROPLET_SSH'], environment.variables);
  if (address === undefined) {
    throw new ControlError('UPGRADE_REFUSED', 'DROPLET_SSH is none; set it to user@host of the droplet.');
  }
  const to = options.to === undefined ? undefined : withoutPrefix(options.to);
  // A suffix such as -stable is of the image; the code in it is the same.
  if (to !== undefined) checkGatewayVersion(to.split('-')[0] ?? to);
  const tell = (line: string) => environment.printError(`${line}\n`);
  const pin = await findHostPin(path.join(DROPLET, KNOWN_HOSTS), address);
  const target = { address, pin, variables: environment.variables };
  const session = await openUpgradeSession(target, await readScript(), tell, AbortSignal.timeout(TIMEOUT_MS));
  try {
    const found = await session.readState();
    const isFound = found?.status === 'running';
    const state = isFound ? resume(found, to) : begin(await session.readVersion(), to, found);
    if (state === undefined) {
      environment.print(`nothing to do: LiteLLM ${to} serves\n`);
      return 0;
    }
    environment.print(renderPlan(state, address, isFound));
    if (options.dryRun) return 0;
    if (!options.yes && !(await isConfirmed('LiteLLM is away for some minutes meanwhile. Upgrade? [y/N] '))) {
      environment.printError('Nothing was upgraded. Answer y, or pass --yes where there is no terminal.\n');
      return 1;
    }
    const outcome = await runUpgrade(session, { state, isFound }, tell);
    environment.print(renderOutcome(outcome, state));
    return outcome.status === 'upgraded' ? 0 : 1;
  } finally {
    session.close();
  }
}

/** An unfinished upgrade is ended before anything else begins. @throws ControlError UPGRADE_REFUSED */
function resume(found: UpgradeState, to: string | undefined): UpgradeState {
  if (to === undefined || to === found.to) return found;
  throw new ControlError(
    'UPGRADE_REFUSED',
    `An upgrade to ${found.to} is unfinished on the droplet; run \`lcp upgrade\` without --to first, which goes on with it.`,
  );
}

/** Undefined when the version is there already. @throws ControlError UPGRADE_REFUSED */
function begin(
  from: string | undefined,
  to: string | undefined,
  last: UpgradeState | undefined,
): UpgradeState | undefined {
  if (to === undefined) {
    const ended = last === undefined ? '' : ` The last one, to ${last.to}, ended: ${last.status}.`;
    throw new ControlError(
      'UPGRADE_REFUSED',
      `No upgrade is unfinished; say which version with --to.${ended}`,
    );
  }
  if (from === undefined) {
    const message =
      'LiteLLM does not serve on the droplet, so there is no version to return to. Bring it up first: `docker compose -p litellm ps` there.';
    throw new ControlError('UPGRADE_REFUSED', message);
  }
  const jump = checkVersionJump(from, to);
  if (jump.status === 'same') return undefined;
  if (jump.status === 'refused') throw new ControlError('UPGRADE_REFUSED', `Not upgraded: ${jump.reason}.`);
  return { status: 'running', phase: 'preparing', from, to, reason: '' };
}

function renderPlan(state: UpgradeState, address: string, isFound: boolean): string {
  const { from, to, phase } = state;
  if (isFound)
    return `LiteLLM ${from} to ${to} on ${address}: unfinished, goes on at: ${describePhase({ from, to, phase })}\n`;
  const steps = FORWARD.map((one, i) => `  ${i + 1}. ${describePhase({ from, to, phase: one })}`);
  return `LiteLLM ${from} to ${to} on ${address}
${steps.join('\n')}
If the migration or anything after it fails, the database is brought back and LiteLLM ${from} started and checked.
`;
}

function renderOutcome(outcome: UpgradeOutcome, { from, to }: UpgradeState): string {
  switch (outcome.status) {
    case 'upgraded':
      return `upgraded: LiteLLM ${to} serves. Write v${to} into droplet/images.env too, and run \`lcp doctor\`.\n`;
    case 'returned':
      return `NOT upgraded: LiteLLM ${from} serves again, with the data it had.\n  ${outcome.reason}\nRun \`lcp apply\`: it puts right what changed in Entra meanwhile.\n`;
    case 'unchanged':
      return `NOT upgraded, nothing was changed: LiteLLM ${from} serves.\n  ${outcome.reason}\n`;
  }
}

/** The steps with the check of the gate inside: nothing of it has to be on the droplet before. */
async function readScript(): Promise<string> {
  const [session, gate] = await Promise.all(
    ['session', 'gate.py'].map((name) => readFile(path.join(DROPLET, 'upgrade', name), 'utf8')),
  );
  return `gate=$(cat <<'END_OF_THE_GATE'\n${gate}END_OF_THE_GATE\n)\n${session}`;
}
