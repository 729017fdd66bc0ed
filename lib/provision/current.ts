// What is at DigitalOcean now, as far as the plan asks: read anew by every run, so nothing is remembered between runs.

import type { DigitalOceanClient } from '../platform/digitalocean/client.ts';
import type {
  DomainRecord,
  Droplet,
  Firewall,
  ReservedIp,
  Size,
  SshKey,
  Volume,
} from '../platform/digitalocean/shapes.ts';
import { hostsOf, namesOf } from './names.ts';
import type { Wanted } from './wanted.ts';

export type Current = {
  readonly isAccountLocked: boolean;
  /** All sizes there are. */
  readonly sizes: readonly Size[];
  readonly sshKeys: readonly SshKey[];
  readonly hasTag: boolean;
  /** Those with our name or our tag, in the order of their ids. */
  readonly droplets: readonly Droplet[];
  /** Ids of those among `droplets` that are new and will never become active. */
  readonly failedDropletIds: readonly number[];
  readonly volume: Volume | undefined;
  readonly firewall: Firewall | undefined;
  /** Of the region; empty where none is asked for. */
  readonly reservedIps: readonly ReservedIp[];
  /** True where no domain is asked for. */
  readonly hasZone: boolean;
  /** By host; empty where the domain is elsewhere. */
  readonly records: Readonly<Record<string, readonly DomainRecord[]>>;
};

/** Reads one thing after the other: a wrong token is said once, and the rate limit is spared.
 *  @throws ControlError CLOUD_UNAVAILABLE, CLOUD_DENIED, CLOUD_ANSWER_INVALID */
export async function readCurrent(cloud: DigitalOceanClient, wanted: Wanted): Promise<Current> {
  const names = namesOf(wanted);
  const account = await cloud.readAccount();
  const sizes = await cloud.listSizes();
  const sshKeys = await cloud.listSshKeys();
  const hasTag = await cloud.hasTag(names.tag);
  const droplets = await readDroplets(cloud, wanted);
  const failedDropletIds: number[] = [];
  for (const { id, status } of droplets) {
    if (status === 'new' && (await hasCreateFailed(cloud, id))) failedDropletIds.push(id);
  }
  const [volume] = await cloud.listVolumes(names.volume, wanted.region);
  const firewall = (await cloud.listFirewalls()).find(({ name }) => name === names.firewall);
  const reservedIps = wanted.reserved_ip === false ? [] : await cloud.listReservedIps();
  const { hasZone, records } = await readZone(cloud, wanted);
  return {
    isAccountLocked: account.status === 'locked',
    sizes,
    sshKeys,
    hasTag,
    droplets,
    failedDropletIds,
    volume,
    firewall,
    reservedIps: reservedIps.filter(({ region }) => region.slug === wanted.region),
    hasZone,
    records,
  };
}

/** Tags are put on after the droplet is made (droplet_create.yml), so one that was cut off is found by its name alone. */
async function readDroplets(cloud: DigitalOceanClient, wanted: Wanted): Promise<Droplet[]> {
  const names = namesOf(wanted);
  const found = [
    ...(await cloud.listDropletsByName(names.droplet)),
    ...(await cloud.listDropletsByTag(names.tag)),
  ];
  return [...new Map(found.map((droplet) => [droplet.id, droplet])).values()].sort((a, b) => a.id - b.id);
}

/** Whether the action that makes the droplet ended in an error. */
export async function hasCreateFailed(cloud: DigitalOceanClient, dropletId: number): Promise<boolean> {
  const actions = await cloud.listDropletActions(dropletId);
  return actions.some(({ type, status }) => type === 'create' && status === 'errored');
}

async function readZone(
  cloud: DigitalOceanClient,
  wanted: Wanted,
): Promise<Pick<Current, 'hasZone' | 'records'>> {
  if (wanted.domain_zone === 'none') return { hasZone: true, records: {} };
  if (!(await cloud.hasDomain(wanted.domain_zone))) return { hasZone: false, records: {} };
  const records: Record<string, DomainRecord[]> = {};
  for (const host of hostsOf(wanted)) records[host] = await cloud.listRecords(wanted.domain_zone, host);
  return { hasZone: true, records };
}
