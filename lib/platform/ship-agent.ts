// Brings the agent's bundle to the droplet. The file there is replaced in one step, the unit restarted and watched; one
// that does not stay up is replaced by the bundle before (droplet/upgrade/ship-agent).

import { readFile } from 'node:fs/promises';
import { ControlError } from '../errors.ts';
import { sha256 } from './deployed-functions.ts';
import { quote, runOverSsh, SSH_FAILED, type SshTarget, unreachable } from './ssh.ts';

/** Of droplet/upgrade/ship-agent. */
const RETURNED = 3;
const NOTHING_TO_RETURN_TO = 4;
/** A megabyte over a slow line, and twice the time that it is watched. */
const TIMEOUT_MS = 5 * 60_000;

/** Ships `bundleFile` with the script `scriptFile`; a repeat of the same bundle only restarts nothing and watches.
 *  @returns what was done, in words
 *  @throws ControlError DROPLET_UNREACHABLE, DROPLET_REFUSED (also when the bundle before is back) */
export async function shipAgent(
  target: SshTarget,
  files: { readonly bundleFile: string; readonly scriptFile: string },
  signal: AbortSignal,
): Promise<string> {
  const bundle = await readFile(files.bundleFile);
  const script = await readFile(files.scriptFile, 'utf8');
  const command = `sh -c ${quote(script)} ship-agent ${sha256(bundle)}`;
  const outcome = await runOverSsh(target, command, { input: bundle, timeoutMs: TIMEOUT_MS, signal });
  const { exitCode: code, output, errors } = outcome;
  if (code === null || code === SSH_FAILED) throw unreachable(target, errors);
  if (code === 0) return output.trim();
  const log = errors.trim() === '' ? '' : `\n${errors.trim()}`;
  if (code === RETURNED) {
    const message = `The new agent did not stay up on ${target.address}; the one before runs again. Look at \`journalctl -u litellm-agent\` there.${log}`;
    throw new ControlError('DROPLET_REFUSED', message, { details: { code } });
  }
  const why =
    code === NOTHING_TO_RETURN_TO ? 'does not stay up and there is none before it' : 'was not shipped';
  throw new ControlError('DROPLET_REFUSED', `The agent ${why} on ${target.address} (code ${code}).${log}`, {
    details: { code },
  });
}
