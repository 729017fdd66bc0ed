// Carries out exactly the steps of a plan, one after the other. Nothing is remembered outside DigitalOcean: a run that
// is cut off anywhere is finished by the next one, which reads, plans and finds what is there by name and tag.
//
// A write whose answer was lost is looked for, never sent again: the API may show it late, and droplets may share a name.

import { ControlError } from '../errors.ts';
import { assignAddress, attachVolume, makeRecord, waitForDroplet } from './apply-parts.ts';
import { isOurs, namesOf, publicAddressOf } from './names.ts';
import type { Plan, Step } from './plan.ts';
import { describeStep } from './plan-text.ts';
import { type ApplyDependencies, makeOrFind } from './settle.ts';
import type { Wanted } from './wanted.ts';

/** What is there at the end. */
export type Applied = { readonly dropletId: number; readonly address: string };

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
      await attachVolume(
        { id: known(progress.volumeId), name: names.volume, region: step.region },
        known(progress.dropletId),
        dependencies,
      );
      return;
    case 'reserve_ip':
    case 'assign_ip':
      progress.address = await assignAddress(step, known(progress.dropletId), dependencies);
      return;
    case 'create_record':
      await makeRecord(step, known(progress.address), dependencies);
  }
}

/** A plan puts each step after those that make what it needs. */
function known<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('A step came before the one that makes what it needs.');
  return value;
}
