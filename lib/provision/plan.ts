// Current and wanted in, plan out: what would be made, what is kept, what differs and stays as it is, and what stands in
// the way. Pure. A plan has no step that changes or removes what is there: size, rules and addresses that somebody
// changed by hand are said, with what to do.

import type { NewFirewall } from '../platform/digitalocean/requests.ts';
import type { Droplet, Size } from '../platform/digitalocean/shapes.ts';
import { type MonthlyCost, planMonthlyCost } from './cost.ts';
import type { Current } from './current.ts';
import { isOurs, namesOf } from './names.ts';
import { planAttachment, planFirewall, planMachine, planTag, planVolume } from './plan-machine.ts';
import { planRecords, planReservedIp } from './plan-records.ts';
import type { Wanted } from './wanted.ts';

/** In the order in which they are carried out. */
export type Step =
  | { readonly kind: 'create_tag'; readonly tag: string }
  | { readonly kind: 'create_firewall'; readonly firewall: NewFirewall }
  | {
      readonly kind: 'create_volume';
      readonly name: string;
      readonly region: string;
      readonly sizeGib: number;
    }
  | {
      readonly kind: 'create_droplet';
      readonly name: string;
      readonly region: string;
      readonly size: string;
      readonly image: string;
      readonly sshKeyIds: readonly number[];
      readonly tags: readonly string[];
    }
  | { readonly kind: 'wait_for_droplet' }
  | { readonly kind: 'attach_volume'; readonly region: string }
  | { readonly kind: 'reserve_ip' }
  | { readonly kind: 'assign_ip'; readonly ip: string }
  | { readonly kind: 'create_record'; readonly zone: string; readonly host: string };

export type Difference = {
  readonly what: string;
  readonly found: string;
  readonly wanted: string;
  readonly next: string;
};
/** Why nothing is done, and what to do about it. */
export type Refusal = { readonly why: string; readonly next: string };

export type Plan = {
  readonly steps: readonly Step[];
  readonly kept: readonly string[];
  readonly differences: readonly Difference[];
  /** Not empty: nothing may be applied. */
  readonly refusals: readonly Refusal[];
  /** What a person has to do elsewhere. */
  readonly notes: readonly string[];
  /** What is there already, for the steps that need it. */
  readonly present: {
    readonly dropletId: number | undefined;
    readonly volumeId: string | undefined;
    /** To which the names shall point; undefined until a step has made it. */
    readonly address: string | undefined;
  };
  /** Undefined where the size is unknown. */
  readonly cost: MonthlyCost | undefined;
};

/** What one part adds to the plan. */
export type PlanPart = Partial<Pick<Plan, 'steps' | 'kept' | 'differences' | 'refusals' | 'notes'>>;

export function planDroplet(wanted: Wanted, current: Current): Plan {
  const size = current.sizes.find(({ slug }) => slug === wanted.size);
  const { droplet, refusals } = findOurs(wanted, current);
  const reservedIp = planReservedIp(wanted, current, droplet);
  const parts: PlanPart[] = [
    { refusals },
    planRequirements(wanted, current, size),
    planTag(wanted, current),
    planFirewall(wanted, current),
    planVolume(wanted, current),
    planMachine(wanted, current, droplet),
    planAttachment(wanted, current, droplet),
    reservedIp,
    planRecords(wanted, current, reservedIp.address),
  ];
  const refused = parts.flatMap((part) => part.refusals ?? []);
  return {
    // A plan that may not be applied has no steps: nobody can apply it by mistake.
    steps: refused.length > 0 ? [] : parts.flatMap((part) => part.steps ?? []),
    kept: parts.flatMap((part) => part.kept ?? []),
    differences: parts.flatMap((part) => part.differences ?? []),
    refusals: refused,
    notes: parts.flatMap((part) => part.notes ?? []),
    present: { dropletId: droplet?.id, volumeId: current.volume?.id, address: reservedIp.address },
    cost:
      size &&
      planMonthlyCost({ size, volumeGib: wanted.volume_gib, hasReservedIp: wanted.reserved_ip !== false }),
  };
}

function findOurs(
  wanted: Wanted,
  { droplets, volume, failedDropletIds }: Current,
): { droplet: Droplet | undefined; refusals: Refusal[] } {
  const { tag } = namesOf(wanted);
  const ours = droplets.filter((droplet) => isOurs(droplet, tag, volume?.id));
  const strangers = droplets.filter((droplet) => !ours.includes(droplet));
  const name = ({ id, name }: Droplet) => `${name} (${id})`;
  const refusals: Refusal[] = [];
  if (ours.length > 1) {
    refusals.push({
      why: `There are ${ours.length} droplets with the tag ${tag}: ${ours.map(name).join(', ')}.`,
      next: 'Find out which one serves (its address is in the DNS); take the tag off the other one, or destroy it by hand.',
    });
  }
  if (strangers.length > 0) {
    refusals.push({
      why: `A droplet of this name is there without the tag ${tag}: ${strangers.map(name).join(', ')}.`,
      next: `If it was made a moment ago, run again in a minute. If it is this one, give it the tag ${tag}; if not, choose another name in droplet.yml.`,
    });
  }
  for (const { id, name } of ours.filter((droplet) => failedDropletIds.includes(droplet.id))) {
    refusals.push({
      why: `DigitalOcean could not finish the droplet ${name} (${id}).`,
      next: 'Destroy it by hand in the control panel; the volume stays. Then run again.',
    });
  }
  return { droplet: ours.length === 1 ? ours[0] : undefined, refusals };
}

function planRequirements(wanted: Wanted, current: Current, size: Size | undefined): PlanPart {
  const refusals: Refusal[] = [];
  const isThere = current.droplets.length > 0;
  if (current.isAccountLocked) {
    refusals.push({ why: 'The account is locked.', next: 'Ask DigitalOcean’s support.' });
  }
  if (size === undefined) {
    refusals.push({
      why: `There is no size ${wanted.size}.`,
      next: 'Choose one of `doctl compute size list`.',
    });
  } else if (!isThere && !(size.available && size.regions.includes(wanted.region))) {
    refusals.push({
      why: `The size ${wanted.size} is not to be had in ${wanted.region} now.`,
      next: `Regions that have it: ${size.regions.join(', ') || 'none'}.`,
    });
  }
  for (const key of isThere ? [] : wanted.ssh_keys) {
    if (current.sshKeys.some(({ id, fingerprint }) => key === id || key === fingerprint)) continue;
    refusals.push({
      why: `The team has no SSH key ${key}.`,
      next: 'Add it under Settings, Security, or name another; `doctl compute ssh-key list` shows them.',
    });
  }
  if (!current.hasZone) {
    refusals.push({
      why: `The domain ${wanted.domain_zone} is not at DigitalOcean.`,
      next: 'Add it under Networking, Domains, or write domain_zone: none and make the records elsewhere.',
    });
  }
  return { refusals };
}
