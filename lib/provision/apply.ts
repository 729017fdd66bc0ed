// Carries out exactly the steps of a plan, one after the other. Nothing is remembered outside DigitalOcean: a run that
// is cut off anywhere is finished by the next one, which reads, plans and finds what is there by name and tag.
//
// A write whose answer was lost is looked for, never sent again: the API may show it late, and droplets may share a name.

import type { Clock } from '../clock.ts';
import { ControlError, isControlError } from '../errors.ts';
import type { DigitalOceanClient } from '../platform/digitalocean/client.ts';
import type { Droplet } from '../platform/digitalocean/shapes.ts';
import { hasCreateFailed } from './current.ts';
import { isOurs, namesOf, publicAddressOf } from './names.ts';
import type { Plan, Step } from './plan.ts';
import { describeStep } from './plan-text.ts';
import type { Wanted } from './wanted.ts';

export type ApplyDependencies = {
  readonly cloud: DigitalOceanClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What the droplet is given to start with; asked for only when one is made. */
  readonly userData: () => Promise<string>;
  /** Told before each step. */
  readonly report: (line: string) => void;
};

/** What is there at the end. */
export type Applied = { readonly dropletId: number; readonly address: string };

/** When a lost write is looked for: together 37 s. */
const LOOK_AFTER_MS = [2_000, 5_000, 10_000, 20_000];
const POLL_MS = 5_000;
/** DigitalOcean says under a minute; what takes ten is stuck. */
const LONGEST_WAIT_MS = 10 * 60_000;
/** Short, so that a move of the droplet is seen soon; the API's own default is 1800. */
const RECORD_TTL_SECONDS = 300;

type Progress = {
  dropletId: number | undefined;
  volumeId: string | undefined;
  address: string | undefined;
};

/** Does the steps of `plan`; those of an empty one are none.
 *  @throws ControlError PROVISION_REFUSED, DROPLET_FAILED, and what the client throws; a repeat is harmless */
export async function applyDropletPlan(
  wanted: Wanted,
  plan: Plan,
  dependencies: ApplyDependencies,
): Promise<Applied> {
  if (plan.refusals.length > 0) {
    throw new ControlError(
      'PROVISION_REFUSED',
      plan.refusals.map(({ why, next }) => `${why} ${next}`).join('\n'),
      { details: { refusalCount: plan.refusals.length } },
    );
  }
  const progress: Progress = { ...plan.present };
  for (const step of plan.steps) {
    dependencies.report(describeStep(step));
    await carryOut(step, wanted, progress, dependencies);
  }
  return { dropletId: known(progress.dropletId), address: known(progress.address) };
}

async function carryOut(
  step: Step,
  wanted: Wanted,
  progress: Progress,
  dependencies: ApplyDependencies,
): Promise<void> {
  const { cloud } = dependencies;
  const names = namesOf(wanted);
  switch (step.kind) {
    case 'create_tag':
      await makeOrFind(
        dependencies,
        () => cloud.createTag(step.tag),
        async () => ((await cloud.hasTag(step.tag)) ? { name: step.tag } : undefined),
      );
      return;
    case 'create_firewall':
      await makeOrFind(
        dependencies,
        () => cloud.createFirewall(step.firewall),
        async () => (await cloud.listFirewalls()).find(({ name }) => name === step.firewall.name),
      );
      return;
    case 'create_volume': {
      const description = `PostgreSQL's data of ${wanted.public_host}; made by lcp provision`;
      const volume = await makeOrFind(
        dependencies,
        () => cloud.createVolume({ ...step, description }),
        async () => (await cloud.listVolumes(step.name, step.region))[0],
      );
      progress.volumeId = volume.id;
      return;
    }
    case 'create_droplet': {
      const { name, region, size, image, sshKeyIds, tags } = step;
      const volumeId = known(progress.volumeId);
      const userData = await dependencies.userData();
      const droplet = await makeOrFind(
        dependencies,
        // The volume can be attached once: of two runs at the same time one is refused here.
        () =>
          cloud.createDroplet({
            name,
            region,
            size,
            image,
            sshKeyIds,
            tags,
            userData,
            volumeIds: [volumeId],
          }),
        async () =>
          (await cloud.listDropletsByName(name)).find((found) => isOurs(found, names.tag, volumeId)),
      );
      progress.dropletId = droplet.id;
      return;
    }
    case 'wait_for_droplet': {
      const address = publicAddressOf(await waitForDroplet(known(progress.dropletId), dependencies));
      if (wanted.reserved_ip === false) progress.address = address;
      return;
    }
    case 'attach_volume':
      await attachVolume(step.region, names.volume, progress, dependencies);
      return;
    case 'reserve_ip':
    case 'assign_ip':
      progress.address = await assignAddress(step, known(progress.dropletId), dependencies);
      return;
    case 'create_record':
      await makeRecord(step, known(progress.address), dependencies);
  }
}

/** Makes something; when the answer is lost, looks for it a few times before it gives up. */
async function makeOrFind<T>(
  { clock, signal }: ApplyDependencies,
  make: () => Promise<T>,
  find: () => Promise<T | undefined>,
): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (!isControlError(error, 'CLOUD_OUTCOME_UNKNOWN')) throw error;
    for (const waitMs of LOOK_AFTER_MS) {
      await clock.sleep(waitMs, signal);
      const found = await find();
      if (found !== undefined) return found;
    }
    throw error;
  }
}

async function waitForDroplet(dropletId: number, dependencies: ApplyDependencies): Promise<Droplet> {
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

async function attachVolume(
  region: string,
  name: string,
  progress: Progress,
  dependencies: ApplyDependencies,
): Promise<void> {
  const { cloud } = dependencies;
  const dropletId = known(progress.dropletId);
  const isAttached = async () =>
    (await cloud.listVolumes(name, region))[0]?.droplet_ids.includes(dropletId) || undefined;
  // A droplet that was made with its volume shows it a little later.
  if (await isAttached()) return;
  await makeOrFind<unknown>(
    dependencies,
    () => cloud.attachVolume(known(progress.volumeId), dropletId, region),
    isAttached,
  );
  await poll(dependencies, `The volume ${name} is still not attached.`, isAttached);
}

async function assignAddress(
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

async function makeRecord(
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

async function poll<T>(
  { clock, signal }: ApplyDependencies,
  what: string,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  const endsAtMs = clock.now().getTime() + LONGEST_WAIT_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (clock.now().getTime() >= endsAtMs) {
      throw new ControlError(
        'DROPLET_FAILED',
        `${what} Look at it in the control panel; when it is well there, or destroyed by hand, run again.`,
        { retryable: true },
      );
    }
    await clock.sleep(POLL_MS, signal);
  }
}

function dropletFailed(dropletId: number): ControlError {
  return new ControlError(
    'DROPLET_FAILED',
    `DigitalOcean could not finish the droplet ${dropletId}. Destroy it by hand in the control panel; the volume stays. Then run again.`,
    { details: { dropletId } },
  );
}

/** A plan puts each step after those that make what it needs. */
function known<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('A step came before the one that makes what it needs.');
  return value;
}
