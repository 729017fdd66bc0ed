// Tells the droplet where the functions are, by the program that its installation left there
// (droplet/install/connect-functions). It comes before the agent's bundle: an agent that does not know where to report does
// not stay up. A repeat changes nothing.

import { ControlError } from '../errors.ts';
import { quote, runOverSsh, SSH_FAILED, type SshTarget, unreachable } from './ssh.ts';

/** Brought by the archive of `lcp provision`. */
const PROGRAM = '/opt/litellm/install/connect-functions';
const TIMEOUT_MS = 2 * 60_000;

/** `webAddress`: of the package `control`. `publicKeys`: what control/agent was deployed with; the agent there must have
 *  one of them. @throws ControlError DROPLET_UNREACHABLE, DROPLET_REFUSED */
export async function connectDroplet(
  target: SshTarget,
  { webAddress, publicKeys }: { readonly webAddress: string; readonly publicKeys: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const command = `${PROGRAM} ${quote(webAddress)}`;
  const { exitCode, output, errors } = await runOverSsh(target, command, { timeoutMs: TIMEOUT_MS, signal });
  if (exitCode === null || exitCode === SSH_FAILED) throw unreachable(target, errors);
  const key = /^AGENT_PUBLIC_KEY=([A-Za-z0-9_-]{43})$/m.exec(output)?.[1];
  if (exitCode !== 0 || key === undefined) {
    const message = `${target.address} could not be told where the functions are (${PROGRAM}, code ${exitCode}). When it is put right there, deploy again.\n${errors.trim()}`;
    throw new ControlError('DROPLET_REFUSED', message, { details: { code: exitCode } });
  }
  if (publicKeys.includes(key)) return;
  throw new ControlError(
    'DROPLET_REFUSED',
    `The agent on ${target.address} signs with another key than AGENT_PUBLIC_KEY, so its reports would be refused. Put AGENT_PUBLIC_KEY=${key} into .env if this is the droplet you mean, and deploy again.`,
  );
}
