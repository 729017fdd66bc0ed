// By what the parts of a droplet are found again, and under which names people reach it. Pure.

import type { Droplet } from '../platform/digitalocean/shapes.ts';
import type { Wanted } from './wanted.ts';

/** The names that everything is found again by. */
export function namesOf(wanted: Pick<Wanted, 'name'>) {
  return {
    droplet: wanted.name,
    volume: `${wanted.name}-data`,
    firewall: `${wanted.name}-firewall`,
    /** Says that lcp made it; the firewall holds for what carries it. */
    tag: `lcp:${wanted.name}`,
  };
}

/** The three names that point to the droplet: public site, control host, database host. */
export function hostsOf({ public_host }: Pick<Wanted, 'public_host'>): string[] {
  return [public_host, `control.${public_host}`, `db.${public_host}`];
}

export function publicAddressOf(droplet: Pick<Droplet, 'networks'>): string | undefined {
  return droplet.networks.v4.find(({ type }) => type === 'public')?.ip_address;
}

/** Whether the droplet is one that this file made: it carries the tag, or holds the volume, which only one can. */
export function isOurs(droplet: Droplet, tag: string, volumeId: string | undefined): boolean {
  return droplet.tags.includes(tag) || (volumeId !== undefined && droplet.volume_ids.includes(volumeId));
}
