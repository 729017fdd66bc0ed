// What becomes of the tag, the firewall, the volume and the droplet itself: made where they are missing, otherwise kept
// and compared. Pure.

import type { Droplet } from '../platform/digitalocean/shapes.ts';
import type { Current } from './current.ts';
import { namesOf, publicAddressOf } from './names.ts';
import type { Difference, PlanPart } from './plan.ts';
import { compareFirewall, wantedFirewall } from './plan-firewall.ts';
import type { Wanted } from './wanted.ts';

export function planTag(wanted: Wanted, { hasTag }: Current): PlanPart {
  const { tag } = namesOf(wanted);
  return hasTag ? { kept: [`tag ${tag}`] } : { steps: [{ kind: 'create_tag', tag }] };
}

export function planFirewall(wanted: Wanted, { firewall }: Current): PlanPart {
  // Before the droplet, and by tag: so it is never open for a moment.
  if (!firewall) return { steps: [{ kind: 'create_firewall', firewall: wantedFirewall(wanted) }] };
  return { kept: [`firewall ${firewall.name}`], differences: compareFirewall(wanted, firewall) };
}

export function planVolume(wanted: Wanted, { volume, droplets }: Current): PlanPart {
  const { volume: name } = namesOf(wanted);
  if (!volume) {
    return { steps: [{ kind: 'create_volume', name, region: wanted.region, sizeGib: wanted.volume_gib }] };
  }
  // Whoever holds it among those of our name or tag is ours, or one too many, which is said already.
  const elsewhere = volume.droplet_ids.filter((holder) => !droplets.some(({ id }) => id === holder));
  if (elsewhere.length > 0) {
    return {
      refusals: [
        {
          why: `The volume ${name} is attached to another droplet (${elsewhere.join(', ')}).`,
          next: 'It holds a database that is in use: choose another name in droplet.yml, or detach it by hand.',
        },
      ],
    };
  }
  const differences: Difference[] = [];
  if (volume.size_gigabytes !== wanted.volume_gib) {
    differences.push({
      what: `volume ${name}`,
      found: `${volume.size_gigabytes} GiB`,
      wanted: `${wanted.volume_gib} GiB`,
      next:
        volume.size_gigabytes < wanted.volume_gib
          ? 'Resize it in the control panel, then `resize2fs` on the droplet (docs/provision.md).'
          : 'A volume cannot shrink: correct volume_gib.',
    });
  }
  return { kept: [`volume ${name}`], differences };
}

export function planMachine(wanted: Wanted, current: Current, droplet: Droplet | undefined): PlanPart {
  const names = namesOf(wanted);
  if (!droplet) {
    const sshKeyIds = wanted.ssh_keys.flatMap(
      (key) => current.sshKeys.find(({ id, fingerprint }) => key === id || key === fingerprint)?.id ?? [],
    );
    const { region, size, image } = wanted;
    const tags = [names.tag, ...wanted.tags.filter((tag) => tag !== names.tag)];
    return {
      steps: [
        { kind: 'create_droplet', name: names.droplet, region, size, image, sshKeyIds, tags },
        { kind: 'wait_for_droplet' },
      ],
    };
  }
  const isFinished = droplet.status !== 'new' && publicAddressOf(droplet) !== undefined;
  return {
    kept: [`droplet ${droplet.name} (${droplet.id}, ${droplet.status})`],
    differences: compareDroplet(wanted, droplet),
    steps: isFinished ? [] : [{ kind: 'wait_for_droplet' }],
  };
}

function compareDroplet(wanted: Wanted, droplet: Droplet): Difference[] {
  const what = `droplet ${droplet.name}`;
  const names = namesOf(wanted);
  const image = droplet.image?.slug;
  const missing = [names.tag, ...wanted.tags].filter((tag) => !droplet.tags.includes(tag));
  const rows: [boolean, string, string, string][] = [
    [droplet.name !== names.droplet, `name ${droplet.name}`, names.droplet, 'Rename it, or correct name.'],
    [
      droplet.region.slug !== wanted.region,
      droplet.region.slug,
      wanted.region,
      'It cannot move: correct region.',
    ],
    [
      droplet.size_slug !== wanted.size,
      droplet.size_slug,
      wanted.size,
      'Power it off and resize it in the control panel, or correct size.',
    ],
    [
      image !== undefined && image !== null && image !== wanted.image,
      String(image),
      wanted.image,
      'An image is chosen once: correct image.',
    ],
    [
      missing.length > 0,
      `no tag ${missing.join(', ')}`,
      missing.join(', '),
      'Add the tag in the control panel.',
    ],
    [droplet.status === 'off', 'powered off', 'active', 'Power it on in the control panel.'],
    [droplet.status === 'archive', 'archived', 'active', 'Ask DigitalOcean’s support.'],
  ];
  return rows.flatMap(([differs, found, wish, next]) =>
    differs ? [{ what, found, wanted: wish, next }] : [],
  );
}

export function planAttachment(wanted: Wanted, { volume }: Current, droplet: Droplet | undefined): PlanPart {
  // A new droplet is made with its volume, so only one that is there already may lack it.
  const isAttached = droplet && volume?.droplet_ids.includes(droplet.id);
  if (!droplet || isAttached) return {};
  return { steps: [{ kind: 'attach_volume', region: wanted.region }] };
}
