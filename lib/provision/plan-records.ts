// Addresses and names: the reserved IP if one is asked for, and the three A records. Pure.

import type { Droplet } from '../platform/digitalocean/shapes.ts';
import type { Current } from './current.ts';
import { hostsOf, publicAddressOf } from './names.ts';
import type { Difference, PlanPart, Step } from './plan.ts';
import type { Wanted } from './wanted.ts';

/** `address` is where the names shall point, undefined while nobody knows it. */
export function planReservedIp(
  { reserved_ip: wish }: Wanted,
  { reservedIps }: Current,
  droplet: Droplet | undefined,
): PlanPart & { readonly address: string | undefined } {
  if (wish === false) return { address: droplet && publicAddressOf(droplet) };
  const held = droplet && reservedIps.find((reserved) => reserved.droplet?.id === droplet.id);
  if (held && (wish === true || wish === held.ip)) {
    return { kept: [`reserved IP ${held.ip}`], address: held.ip };
  }
  if (held) {
    const next = 'A droplet has one reserved IP: change it in the control panel, or correct reserved_ip.';
    return {
      address: held.ip,
      differences: [{ what: 'reserved IP', found: held.ip, wanted: String(wish), next }],
    };
  }
  if (typeof wish === 'string') {
    const named = reservedIps.find(({ ip }) => ip === wish);
    if (named && named.droplet === null) {
      return { steps: [{ kind: 'assign_ip', ip: wish }], address: wish };
    }
    const why = named
      ? `The reserved IP ${wish} is assigned to another droplet.`
      : `There is no reserved IP ${wish} in this region.`;
    return { refusals: [{ why, next: 'Name another one, or write reserved_ip: true.' }], address: undefined };
  }
  // An address that is reserved and serves nobody is taken before another one is paid for. It is also what a run leaves
  // behind that was cut off between reserving and assigning.
  const [free, ...others] = reservedIps.filter((reserved) => reserved.droplet === null);
  if (!free) return { steps: [{ kind: 'reserve_ip' }], address: undefined };
  if (others.length === 0) return { steps: [{ kind: 'assign_ip', ip: free.ip }], address: free.ip };
  return {
    address: undefined,
    refusals: [
      {
        why: `Several reserved IPs are assigned to nothing: ${[free, ...others].map(({ ip }) => ip).join(', ')}.`,
        next: 'Write the one to use as reserved_ip.',
      },
    ],
  };
}

/** A record that is there is never changed: it may be what people are using. */
export function planRecords(wanted: Wanted, current: Current, address: string | undefined): PlanPart {
  const hosts = hostsOf(wanted);
  if (wanted.domain_zone === 'none') {
    return {
      notes: [`Make A records for ${hosts.join(', ')} to ${address ?? 'the address shown at the end'}.`],
    };
  }
  const steps: Step[] = [];
  const kept: string[] = [];
  const differences: Difference[] = [];
  for (const host of hosts) {
    const found = (current.records[host] ?? []).filter(({ type }) => ['A', 'AAAA', 'CNAME'].includes(type));
    const isRight = found.length === 1 && found[0]?.type === 'A' && found[0].data === address;
    if (isRight) kept.push(`record ${host} A ${address}`);
    else if (found.length === 0) steps.push({ kind: 'create_record', zone: wanted.domain_zone, host });
    else {
      differences.push({
        what: `record ${host}`,
        found: found
          .map(({ type, data }) => `${type} ${data}`)
          .sort()
          .join('; '),
        wanted: `A ${address ?? 'of the droplet'}`,
        next: 'Change it under Networking, Domains, when its users may move.',
      });
    }
  }
  return { steps, kept, differences };
}
