// The droplet's part of `lcp deploy`: it is told where the functions are, and its agent gets our program.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseSettings } from '../config.ts';
import { connectDroplet } from '../platform/connect-droplet.ts';
import { findHostPin, KNOWN_HOSTS } from '../platform/host-pin.ts';
import { shipAgent } from '../platform/ship-agent.ts';
import { webAddressOf } from '../web-address.ts';
import type { CliEnvironment } from './environment.ts';

const NEEDED = ['DO_API_HOST', 'DO_NAMESPACE', 'AGENT_PUBLIC_KEY'] as const;

/** `values` are the settings of --env, `root` the checkout. A repeat changes nothing.
 *  @throws ControlError DROPLET_UNREACHABLE, DROPLET_REFUSED */
export async function deployToDroplet(
  { print, variables }: CliEnvironment,
  { values, root }: { readonly values: Readonly<Record<string, string | undefined>>; readonly root: string },
  signal: AbortSignal,
): Promise<void> {
  const { DROPLET_SSH: address } = parseSettings(['DROPLET_SSH'], values);
  const bundleFile = path.join(root, 'droplet', 'agent', 'bundle', 'agent.cjs');
  if (address === undefined) {
    print('agent: left out, because DROPLET_SSH is none\n');
    return;
  }
  if (!existsSync(bundleFile)) {
    print('agent: left out, because there is no bundle of it at droplet/agent/bundle/agent.cjs\n');
    return;
  }
  const settings = parseSettings(NEEDED, values);
  const pin = await findHostPin(path.join(root, 'droplet', KNOWN_HOSTS), address);
  const target = { address, pin, variables };
  const webAddress = webAddressOf(settings, 'control');
  await connectDroplet(target, { webAddress, publicKeys: settings.AGENT_PUBLIC_KEY }, signal);
  const files = { bundleFile, scriptFile: path.join(root, 'droplet', 'upgrade', 'ship-agent') };
  print(`agent: ${await shipAgent(target, files, signal)}\n`);
}
