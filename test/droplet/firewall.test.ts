// The host's firewall between real network namespaces: from outside 22, 80 and 443 answer and nothing else, also not what
// Docker publishes past the input chain. Each closed port has its control: without the rules it answers.

import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ADDRESS, type Hosts, makeHosts } from './namespaces.ts';
import { DROPLET } from './paths.ts';
import { runShell } from './run-shell.ts';

/** SSH, nginx, LiteLLM, PostgreSQL, Ollama, Valkey, Docker's own API. */
const PORTS = [22, 80, 443, 2375, 4_000, 5_432, 6_379, 11_434];
/** In the container: nginx's, and PostgreSQL's as if somebody had published it by mistake. */
const CONTAINER_PORTS = [80, 443, 5_432];

/** What Docker's rules for published ports come to (docs.docker.com/engine/network/packet-filtering-firewalls). */
const PUBLISHED = `
table ip docker-like {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    fib daddr type local tcp dport 443 dnat to ${ADDRESS.container}:443
    fib daddr type local tcp dport 8080 dnat to ${ADDRESS.container}:80
    fib daddr type local tcp dport 15432 dnat to ${ADDRESS.container}:5432
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ip saddr 172.30.0.0/24 oifname != "br-llm-edge" masquerade
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
  }
}`;

let hosts: Hosts;

beforeEach(async () => {
  hosts = await makeHosts(PORTS, CONTAINER_PORTS);
});
afterEach(() => hosts?.remove());

async function renderRules(sshFrom = ''): Promise<string> {
  const { status, stdout, stderr } = await runShell(join(DROPLET, 'firewall', 'render'), { args: [sshFrom] });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

describe('what listens on the droplet itself', () => {
  test('from outside only 22, 80 and 443 answer, over IPv4 and IPv6; without the rules all do', async () => {
    const before = [
      await hosts.openFromOutside(ADDRESS.droplet, PORTS),
      await hosts.openFromOutside(ADDRESS.dropletV6, PORTS),
    ];

    hosts.loadRules(await renderRules());

    expect(before).toEqual([PORTS, PORTS]);
    expect(await hosts.openFromOutside(ADDRESS.droplet, PORTS)).toEqual([22, 80, 443]);
    expect(await hosts.openFromOutside(ADDRESS.dropletV6, PORTS)).toEqual([22, 80, 443]);
    expect(await hosts.openFromDroplet(ADDRESS.droplet, PORTS)).toEqual(PORTS);
  });

  test('with SSH_FROM, 22 answers only those it names', async () => {
    hosts.loadRules(await renderRules(`203.0.113.0/24,${ADDRESS.otherOutside}`));
    const asStranger = await hosts.openFromOutside(ADDRESS.droplet, [22, 443]);
    hosts.loadRules(await renderRules(`203.0.113.0/24 ${ADDRESS.outside}/32, 2001:db8::/64`));
    const asNamed = await hosts.openFromOutside(ADDRESS.droplet, [22, 443]);

    expect(asStranger).toEqual([443]);
    expect(asNamed).toEqual([22, 443]);
    expect(await hosts.openFromOutside(ADDRESS.dropletV6, [22, 443])).toEqual([22, 443]);
  });

  test('what is no address is refused before any rule is made', async () => {
    await expect(renderRules('203.0.113.0/24; drop')).rejects.toThrow('is no address and no network');
  });
});

describe('what Docker publishes', () => {
  beforeEach(() => hosts.loadRules(PUBLISHED));

  test('443 reaches its container; another port that is published there, by its own or another number, does not', async () => {
    const before = await hosts.openFromOutside(ADDRESS.droplet, [443, 8_080, 15_432]);

    hosts.loadRules(await renderRules());

    expect(before).toEqual([443, 8_080, 15_432]);
    expect(await hosts.openFromOutside(ADDRESS.droplet, [443, 8_080, 15_432])).toEqual([443]);
  });

  test('a container’s own address is closed from outside, also at 80 and 443', async () => {
    const before = await hosts.openFromOutside(ADDRESS.container, CONTAINER_PORTS);

    hosts.loadRules(await renderRules());

    expect(before).toEqual(CONTAINER_PORTS);
    expect(await hosts.openFromOutside(ADDRESS.container, CONTAINER_PORTS)).toEqual([]);
    expect(await hosts.openFromDroplet(ADDRESS.container, CONTAINER_PORTS)).toEqual(CONTAINER_PORTS);
  });

  test('a container that was taken over reaches no port of the host’s own', async () => {
    const ports = [22, 4_000];
    const before = await hosts.openFromContainer(ADDRESS.bridge, ports);

    hosts.loadRules(await renderRules('203.0.113.0/24'));

    expect(before).toEqual(ports);
    expect(await hosts.openFromContainer(ADDRESS.bridge, ports)).toEqual([]);
  });

  test('containers still reach the vendors outside', async () => {
    hosts.loadRules(await renderRules());

    expect(await hosts.containerReachesOutside()).toBe(true);
  });

  test('loading the rules again changes nothing and leaves Docker’s own as they are', async () => {
    const rules = await renderRules('203.0.113.0/24');
    hosts.loadRules(rules);
    const once = hosts.listRules().replace(/packets \d+ bytes \d+/g, '');

    hosts.loadRules(rules);

    expect(hosts.listRules().replace(/packets \d+ bytes \d+/g, '')).toBe(once);
    expect(once).toContain('table ip docker-like');
    expect(once.match(/table inet litellm/g)).toHaveLength(1);
  });
});
