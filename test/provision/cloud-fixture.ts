// One account at the double of DigitalOcean, and runs of `lcp provision --apply` on it without the command line: read,
// plan, apply. Time is virtual, so nothing waits.

import { createDigitalOcean } from '../../lib/platform/digitalocean/client.ts';
import { type Applied, applyDropletPlan } from '../../lib/provision/apply.ts';
import { readCurrent } from '../../lib/provision/current.ts';
import { type Plan, planDroplet } from '../../lib/provision/plan.ts';
import { type Wanted, wantedSchema } from '../../lib/provision/wanted.ts';
import { Secret } from '../../lib/secret.ts';
import { createVirtualClock } from '../directory/virtual-clock.ts';
import { createDigitalOceanDouble, type DigitalOceanDouble } from '../world/digitalocean/start.ts';

export const FINGERPRINT = '3b:16:e4:bf:8b:00:8b:b8:59:8c:a9:d3:f0:19:fa:45';

/** What droplet.yml must say at least, with one range and a domain. */
export const COMPLETE = {
  version: 1,
  name: 'litellm',
  region: 'fra1',
  volume_gib: 25,
  public_host: 'llm.example.com',
  domain_zone: 'example.com',
  acme_email: 'devops@example.com',
  ssh_keys: [FINGERPRINT],
  ssh_from: ['192.0.2.0/24'],
};

export function buildWanted(changes: Record<string, unknown> = {}): Wanted {
  return wantedSchema.parse({ ...COMPLETE, ...changes });
}

export type Account = {
  readonly cloud: DigitalOceanDouble;
  readonly clock: ReturnType<typeof createVirtualClock>;
  readonly reported: string[];
  plan(wanted?: Wanted): Promise<Plan>;
  /** One whole run. */
  run(wanted?: Wanted): Promise<{ readonly plan: Plan; readonly applied: Applied }>;
};

/** `timeoutMs` is real time: only for answers that never come. */
export function createAccount(options: { token?: string; timeoutMs?: number } = {}): Account {
  const cloud = createDigitalOceanDouble();
  const clock = createVirtualClock();
  const reported: string[] = [];
  const signal = new AbortController().signal;
  const client = () =>
    createDigitalOcean({
      apiUrl: 'https://api.example.test',
      token: options.token === undefined ? cloud.token : new Secret(options.token),
      clock,
      signal,
      random: () => 1,
      timeoutMs: options.timeoutMs ?? 30_000,
      fetch: cloud.fetch,
    });
  const plan = async (wanted = buildWanted()) => planDroplet(wanted, await readCurrent(client(), wanted));
  return {
    cloud,
    clock,
    reported,
    plan,
    run: async (wanted = buildWanted()) => {
      const planned = await plan(wanted);
      const applied = await applyDropletPlan(wanted, planned, {
        cloud: client(),
        clock,
        signal,
        userData: async () => '#cloud-config\n',
        report: (line) => reported.push(line),
      });
      return { plan: planned, applied };
    },
  };
}

/** How many of each there are, with the addresses that the names point to. */
export function countParts({ state }: DigitalOceanDouble) {
  return {
    droplets: state.droplets.size,
    volumes: state.volumes.size,
    attachedTo: [...state.volumes.values()].flatMap(({ droplet_ids }) => droplet_ids).length,
    firewalls: state.firewalls.size,
    reservedIps: state.reservedIps.size,
    records: [...(state.domains.get('example.com') ?? [])].map(({ name, data }) => `${name} ${data}`).sort(),
  };
}
