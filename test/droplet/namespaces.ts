// Three hosts in network namespaces: `outside` on the internet, the `droplet`, and a `container` behind a bridge of the
// droplet to which published ports are redirected as Docker does it. Needs root; everything is gone with `remove`.

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { type Child, startChild } from '../world/child.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { waitUntil } from '../world/wait-until.ts';

export type Hosts = {
  /** Which of these ports take a TCP connection from outside, at an address of the droplet or of the container. */
  openFromOutside(address: Address, ports: readonly number[]): Promise<number[]>;
  /** The same, asked by the droplet itself, for what only it may reach. */
  openFromDroplet(address: Address, ports: readonly number[]): Promise<number[]>;
  /** The same, asked by the container. */
  openFromContainer(address: Address, ports: readonly number[]): Promise<number[]>;
  /** Whether the container reaches a host on the internet. */
  containerReachesOutside(): Promise<boolean>;
  /** Loads nftables rules on the droplet. Throws with what nft says. */
  loadRules(rules: string): void;
  /** Every rule of the droplet, as text. */
  listRules(): string;
  remove(): Promise<void>;
};

/** 198.51.100.0/24 is for documentation (RFC 5737); 172.30.0.0/24 is what Docker would give a network. */
export const ADDRESS = {
  outside: '198.51.100.2',
  otherOutside: '198.51.100.3',
  droplet: '198.51.100.10',
  dropletV6: '2001:db8::10',
  bridge: '172.30.0.1',
  container: '172.30.0.2',
} as const;
type Address = (typeof ADDRESS)[keyof typeof ADDRESS];

/** A dropped packet is answered by nothing: this is how long nothing is waited for. A packet that was lost is sent again
 *  after one second (RFC 6298), so an open port has two tries. Between namespaces an answer takes
 *  well under a millisecond, and each test has a control in which the same ports do answer. */
const SILENCE_MS = 1_200;
const READY_LIMIT_MS = 20_000;

const LISTEN = `
  const net = require('node:net');
  const ports = process.argv.slice(1).map(Number);
  let waiting = ports.length;
  for (const port of ports) {
    net.createServer((socket) => socket.on('error', () => undefined).end('hello')).listen({ port, host: '::' }, () => {
      waiting -= 1;
      if (waiting === 0) process.stdout.write('listening\\n');
    });
  }`;
const PROBE = `
  const net = require('node:net');
  const [address, limit, source, ...ports] = process.argv.slice(1);
  const ask = (port) => new Promise((resolve) => {
    const socket = net.connect({ host: address, port, localAddress: source === '-' ? undefined : source });
    const end = (answer) => { socket.destroy(); resolve(answer); };
    socket.setTimeout(Number(limit), () => end(false));
    socket.on('connect', () => end(true)).on('error', () => end(false));
  });
  Promise.all(ports.map(Number).map(ask)).then((open) =>
    process.stdout.write(JSON.stringify(ports.map(Number).filter((_, at) => open[at]))));`;

export async function makeHosts(
  dropletPorts: readonly number[],
  containerPorts: readonly number[],
): Promise<Hosts> {
  if (process.getuid?.() !== 0)
    throw new Error('Network namespaces need root: run this suite with sudo, as CI does.');
  const mark = randomBytes(3).toString('hex');
  const [outside, droplet, container] = [`lcp-out-${mark}`, `lcp-droplet-${mark}`, `lcp-box-${mark}`];
  const folder = makeThrowAwayFolder();
  const children: Child[] = [];
  const remove = async () => {
    for (const child of children) await child.kill();
    for (const name of [outside, droplet, container]) spawnSync('ip', ['netns', 'delete', name]);
    folder.remove();
  };
  const within = (name: string, command: string, ...args: string[]) =>
    run('ip', ['netns', 'exec', name, command, ...args]);
  const probe = async (from: string, address: Address, ports: readonly number[], source = '-') =>
    z
      .array(z.number())
      .parse(
        JSON.parse(
          within(
            from,
            process.execPath,
            '-e',
            PROBE,
            address,
            String(SILENCE_MS),
            source,
            ...ports.map(String),
          ),
        ),
      );
  try {
    for (const name of [outside, droplet, container]) {
      run('ip', ['netns', 'add', name]);
      within(name, 'ip', 'link', 'set', 'lo', 'up');
    }
    connect(outside, 'eth0', droplet, 'eth0');
    within(outside, 'ip', 'address', 'add', `${ADDRESS.outside}/24`, 'dev', 'eth0');
    within(outside, 'ip', 'address', 'add', `${ADDRESS.otherOutside}/24`, 'dev', 'eth0');
    within(outside, 'ip', 'address', 'add', '2001:db8::2/64', 'dev', 'eth0', 'nodad');
    within(droplet, 'ip', 'address', 'add', `${ADDRESS.droplet}/24`, 'dev', 'eth0');
    within(droplet, 'ip', 'address', 'add', `${ADDRESS.dropletV6}/64`, 'dev', 'eth0', 'nodad');
    // Somebody in the same network who knows Docker's addresses can send to them.
    within(outside, 'ip', 'route', 'add', '172.30.0.0/24', 'via', ADDRESS.droplet);

    within(droplet, 'ip', 'link', 'add', 'br-llm-edge', 'type', 'bridge');
    within(droplet, 'ip', 'address', 'add', `${ADDRESS.bridge}/24`, 'dev', 'br-llm-edge');
    within(droplet, 'ip', 'link', 'set', 'br-llm-edge', 'up');
    connect(container, 'eth0', droplet, 'veth-box');
    within(droplet, 'ip', 'link', 'set', 'veth-box', 'master', 'br-llm-edge');
    within(container, 'ip', 'address', 'add', `${ADDRESS.container}/24`, 'dev', 'eth0');
    within(container, 'ip', 'route', 'add', 'default', 'via', ADDRESS.bridge);
    within(droplet, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');

    await listen(outside, [8_443]);
    await listen(droplet, dropletPorts);
    await listen(container, containerPorts);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    openFromOutside: (address, ports) =>
      probe(outside, address, ports, address.includes(':') ? '-' : ADDRESS.outside),
    openFromDroplet: (address, ports) => probe(droplet, address, ports),
    openFromContainer: (address, ports) => probe(container, address, ports),
    containerReachesOutside: async () => (await probe(container, ADDRESS.outside, [8_443])).length === 1,
    loadRules: (rules) => {
      run('ip', ['netns', 'exec', droplet, 'nft', '--file', '-'], rules);
    },
    listRules: () => within(droplet, 'nft', 'list', 'ruleset'),
    remove,
  };

  /** A cable between two hosts. */
  function connect(left: string, leftName: string, right: string, rightName: string): void {
    run('ip', [
      'link',
      'add',
      leftName,
      'netns',
      left,
      'type',
      'veth',
      'peer',
      'name',
      rightName,
      'netns',
      right,
    ]);
    within(left, 'ip', 'link', 'set', leftName, 'up');
    within(right, 'ip', 'link', 'set', rightName, 'up');
  }

  async function listen(name: string, ports: readonly number[]): Promise<void> {
    const logFile = join(folder.path, `${name}.log`);
    const child = startChild({
      command: 'ip',
      args: ['netns', 'exec', name, process.execPath, '-e', LISTEN, ...ports.map(String)],
      logFile,
      stopSignal: 'KILL',
    });
    children.push(child);
    await waitUntil(async () => (await probe(name, '127.0.0.1' as Address, ports)).length === ports.length, {
      what: `The listeners of ${name} did not start`,
      limitMs: READY_LIMIT_MS,
    });
  }
}

function run(command: string, args: readonly string[], input = ''): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', input });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}
