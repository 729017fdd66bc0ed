// The steps that are not done when they are answered: a droplet becomes active, a volume attached, an address assigned. And
// the records, which may stand beside their equals. Each looks first, so a repeat is harmless.

import { ControlError } from '../errors.ts';
import type { Droplet } from '../platform/digitalocean/shapes.ts';
import { hasCreateFailed } from './current.ts';
import { publicAddressOf } from './names.ts';
import type { Step } from './plan.ts';
import { type ApplyDependencies, makeOrFind, poll } from './settle.ts';

/** Short, so that a move of the droplet is seen soon; the API's own default is 1800. */
const RECORD_TTL_SECONDS = 300;

export async function waitForDroplet(dropletId: number, dependencies: ApplyDependencies): Promise<Droplet> {
  const { cloud } = dependencies;
  return poll(dependencies, `The droplet ${dropletId} is still not active.`, async () => {
    const droplet = await cloud.readDroplet(dropletId);
    if (droplet.status === 'new') {
      if (await hasCreateFailed(cloud, dropletId)) throw dropletFailed(dropletId);
      return undefined;
    }
    // Off or archived is for a person; its address is known all the same.
    return publicAddressOf(droplet) === undefined ? undefined : droplet;
  });
}

export async function attachVolume(
  volume: { readonly id: string; readonly name: string; readonly region: string },
  dropletId: number,
  dependencies: ApplyDependencies,
): Promise<void> {
  const { cloud } = dependencies;
  const { id, name, region } = volume;
  const isAttached = async () =>
    (await cloud.listVolumes(name, region))[0]?.droplet_ids.includes(dropletId) || undefined;
  // A droplet that was made with its volume shows it a little later.
  if (await isAttached()) return;
  await makeOrFind<unknown>(dependencies, () => cloud.attachVolume(id, dropletId, region), isAttached);
  await poll(dependencies, `The volume ${name} is still not attached.`, isAttached);
}

export async function assignAddress(
  step: Extract<Step, { kind: 'reserve_ip' | 'assign_ip' }>,
  dropletId: number,
  dependencies: ApplyDependencies,
): Promise<string> {
  const { cloud } = dependencies;
  const findAssigned = async () =>
    (await cloud.listReservedIps()).find(({ droplet }) => droplet?.id === dropletId);
  // Another run at the same time may have been quicker.
  const held = await findAssigned();
  if (held) return held.ip;
  await makeOrFind<unknown>(
    dependencies,
    () =>
      step.kind === 'reserve_ip'
        ? cloud.createReservedIp(dropletId)
        : cloud.assignReservedIp(step.ip, dropletId),
    findAssigned,
  );
  return (await poll(dependencies, 'The reserved IP is still not assigned.', findAssigned)).ip;
}

export async function makeRecord(
  { zone, host }: Extract<Step, { kind: 'create_record' }>,
  address: string,
  dependencies: ApplyDependencies,
): Promise<void> {
  const { cloud } = dependencies;
  const name = host === zone ? '@' : host.slice(0, -(zone.length + 1));
  const find = async () =>
    (await cloud.listRecords(zone, host)).find(({ type, data }) => type === 'A' && data === address);
  // Two equal records may stand beside each other, and another run at the same time may have been quicker.
  if (await find()) return;
  await makeOrFind(
    dependencies,
    () => cloud.createRecord(zone, { type: 'A', name, data: address, ttl: RECORD_TTL_SECONDS }),
    find,
  );
}

function dropletFailed(dropletId: number): ControlError {
  return new ControlError(
    'DROPLET_FAILED',
    `DigitalOcean could not finish the droplet ${dropletId}. Destroy it by hand in the control panel; the volume stays. Then run again.`,
    { details: { dropletId } },
  );
}
