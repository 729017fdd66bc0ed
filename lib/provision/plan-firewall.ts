// The cloud firewall: 22 from where droplet.yml says, 80 and 443 from everywhere, outwards all. Pure.

import type { FirewallRule, NewFirewall } from '../platform/digitalocean/requests.ts';
import type { Firewall } from '../platform/digitalocean/shapes.ts';
import { namesOf } from './names.ts';
import type { Difference } from './plan.ts';
import type { Wanted } from './wanted.ts';

const EVERYWHERE = ['0.0.0.0/0', '::/0'];

export function wantedFirewall(wanted: Wanted): NewFirewall {
  const names = namesOf(wanted);
  return {
    name: names.firewall,
    tag: names.tag,
    inbound: [
      { protocol: 'tcp', ports: '22', addresses: wanted.ssh_from },
      { protocol: 'tcp', ports: '80', addresses: EVERYWHERE },
      { protocol: 'tcp', ports: '443', addresses: EVERYWHERE },
    ],
    // `0` is the API's word for all ports, and what it answers for icmp (firewall_rule.yml).
    outbound: (['tcp', 'udp', 'icmp'] as const).map((protocol) => ({
      protocol,
      ports: '0',
      addresses: EVERYWHERE,
    })),
  };
}

/** What somebody changed by hand, inbound and outbound apart. */
export function compareFirewall(wanted: Wanted, firewall: Firewall): Difference[] {
  const wish = wantedFirewall(wanted);
  const what = `firewall ${firewall.name}`;
  // The host's own firewall says the same of port 22; with only one of the two opened, nobody gets in.
  const next =
    'Put it right under Networking, Firewalls, or correct droplet.yml. If SSH shall come from elsewhere, change SSH_FROM in /etc/litellm/droplet.env on the droplet and run /opt/litellm/install/steps/60-firewall there first, while you still get in.';
  const inbound = firewall.inbound_rules.map(({ sources, ...rule }) => ({
    ...rule,
    addresses: sources.addresses,
  }));
  const outbound = firewall.outbound_rules.map(({ destinations, ...rule }) => ({
    ...rule,
    addresses: destinations.addresses,
  }));
  const differences: Difference[] = [];
  const compare = (way: string, found: readonly FirewallRule[], wished: readonly FirewallRule[]) => {
    if (describeRules(found) === describeRules(wished)) return;
    differences.push({ what, found: `${way} ${describeRules(found)}`, wanted: describeRules(wished), next });
  };
  compare('in:', inbound, wish.inbound);
  compare('out:', outbound, wish.outbound);
  if (!firewall.tags.includes(wish.tag)) {
    differences.push({ what, found: 'does not hold for our droplet', wanted: `tag ${wish.tag}`, next });
  }
  return differences;
}

/** In one line, in one order, whatever order they came in. */
export function describeRules(rules: readonly FirewallRule[]): string {
  const lines = rules.map(({ protocol, ports, addresses }) => {
    const which = ports === '0' || ports === 'all' || ports === '' ? protocol : `${protocol} ${ports}`;
    return `${which} ${[...addresses].sort().join(' ')}`;
  });
  return lines.length === 0 ? 'nothing' : lines.sort().join('; ');
}
