// What DigitalOcean is asked to make, in our words and in the API's (droplet_create.yml, firewall.yml). Pure.

export type NewDroplet = {
  readonly name: string;
  readonly region: string;
  readonly size: string;
  readonly image: string;
  readonly sshKeyIds: readonly number[];
  readonly volumeIds: readonly string[];
  readonly tags: readonly string[];
  readonly userData: string;
};

export type FirewallRule = {
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  /** One port or `0` for all (firewall_rule.yml). */
  readonly ports: string;
  readonly addresses: readonly string[];
};

export type NewFirewall = {
  readonly name: string;
  readonly tag: string;
  readonly inbound: readonly FirewallRule[];
  readonly outbound: readonly FirewallRule[];
};

export function toDropletRequest(droplet: NewDroplet) {
  return {
    name: droplet.name,
    region: droplet.region,
    size: droplet.size,
    image: droplet.image,
    ssh_keys: [...droplet.sshKeyIds],
    volumes: [...droplet.volumeIds],
    tags: [...droplet.tags],
    user_data: droplet.userData,
    backups: false,
    // Nothing of ours listens on IPv6, and the firewall would have to say everything twice.
    ipv6: false,
    monitoring: true,
    // No vpc_uuid: a droplet is always in a VPC, by default the region's own (droplet_create.yml). Nothing uses it.
  };
}

export function toFirewallRequest({ name, tag, inbound, outbound }: NewFirewall) {
  return {
    name,
    tags: [tag],
    inbound_rules: inbound.map(({ protocol, ports, addresses }) => ({
      protocol,
      ports,
      sources: { addresses },
    })),
    outbound_rules: outbound.map(({ protocol, ports, addresses }) => ({
      protocol,
      ports,
      destinations: { addresses },
    })),
  };
}
