// What the double of DigitalOcean's API holds: plain maps and lists, and what is still to happen. Time in it is counted in
// requests: what the real API does a little later happens here some requests later, so no test waits.

export type DropletRow = {
  readonly id: number;
  name: string;
  status: 'new' | 'active' | 'off' | 'archive';
  size_slug: string;
  readonly region: string;
  readonly image: string;
  tags: string[];
  volume_ids: string[];
  networks: { ip_address: string; type: 'public' | 'private' }[];
  readonly user_data: string;
  readonly ssh_keys: readonly (string | number)[];
};

export type VolumeRow = {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  size_gigabytes: number;
  description: string;
  droplet_ids: number[];
  tags: string[];
};

export type RuleTarget = { addresses?: string[] };
export type FirewallRow = {
  readonly id: string;
  name: string;
  droplet_ids: number[];
  tags: string[];
  inbound_rules: { protocol: string; ports: string; sources: RuleTarget }[];
  outbound_rules: { protocol: string; ports: string; destinations: RuleTarget }[];
};

export type RecordRow = { readonly id: number; type: string; name: string; data: string; ttl: number };
export type ReservedIpRow = {
  readonly ip: string;
  readonly region: string;
  droplet_id: number | null;
  locked: boolean;
};
export type ActionRow = {
  readonly id: number;
  readonly type: string;
  status: 'in-progress' | 'completed' | 'errored';
  readonly resource_type: string;
  readonly resource_id: number | null;
};
export type SizeRow = {
  readonly slug: string;
  readonly memory: number;
  readonly vcpus: number;
  readonly disk: number;
  readonly price_monthly: number;
  readonly regions: readonly string[];
  readonly available: boolean;
};
export type TriggerRow = {
  readonly name: string;
  readonly function: string;
  is_enabled: boolean;
  cron: string;
  body: Record<string, unknown> | null;
};
export type NamespaceRow = {
  readonly namespace: string;
  readonly api_host: string;
  readonly label: string;
  readonly region: string;
  readonly triggers: Map<string, TriggerRow>;
};

export type CloudState = {
  account: { status: 'active' | 'warning' | 'locked'; droplet_limit: number; reserved_ip_limit: number };
  readonly sizes: SizeRow[];
  readonly sshKeys: { readonly id: number; readonly fingerprint: string; readonly name: string }[];
  readonly tags: Set<string>;
  readonly droplets: Map<number, DropletRow>;
  readonly volumes: Map<string, VolumeRow>;
  readonly firewalls: Map<string, FirewallRow>;
  readonly domains: Map<string, RecordRow[]>;
  readonly reservedIps: Map<string, ReservedIpRow>;
  readonly actions: Map<number, ActionRow>;
  readonly namespaces: Map<string, NamespaceRow>;
  /** What becomes of the next droplet: `stuck` stays new for ever, `errored` too, and its action says so. */
  dropletOutcome: 'active' | 'stuck' | 'errored';
  nextId(): number;
  /** Lets `change` happen after so many further requests. */
  later(requestCount: number, change: () => void): void;
  /** One request has come. */
  tick(): void;
  /** Everything that is still to happen happens. */
  settle(): void;
};

/** The size of the issue, among others: prices of /v2/sizes as public lists of 2022 to 2026 have them. */
const SIZES: readonly Omit<SizeRow, 'regions' | 'available'>[] = [
  { slug: 's-1vcpu-1gb', memory: 1024, vcpus: 1, disk: 25, price_monthly: 6 },
  { slug: 's-4vcpu-8gb', memory: 8192, vcpus: 4, disk: 160, price_monthly: 48 },
  { slug: 'c-2', memory: 4096, vcpus: 2, disk: 25, price_monthly: 42 },
  { slug: 'c-4', memory: 8192, vcpus: 4, disk: 50, price_monthly: 84 },
];

/** An account with one SSH key and one domain, and nothing in it. */
export function createCloudState(): CloudState {
  let lastId = 1_000;
  let pending: { requestsLeft: number; change: () => void }[] = [];
  const run = (due: typeof pending) => {
    for (const { change } of due) change();
  };
  return {
    account: { status: 'active', droplet_limit: 25, reserved_ip_limit: 3 },
    // Behind the sizes nobody looks at: the list is longer than one default page of 20.
    sizes: [
      ...Array.from({ length: 30 }, (_, i) => ({
        slug: `g-${i + 1}`,
        memory: 8192,
        vcpus: 2,
        disk: 25,
        price_monthly: 63,
        regions: ['nyc3'],
        available: true,
      })),
      ...SIZES.map((size) => ({ ...size, regions: ['ams3', 'fra1', 'nyc3'], available: true })),
    ],
    sshKeys: [{ id: 289794, fingerprint: '3b:16:e4:bf:8b:00:8b:b8:59:8c:a9:d3:f0:19:fa:45', name: 'devops' }],
    tags: new Set(),
    droplets: new Map(),
    volumes: new Map(),
    firewalls: new Map(),
    domains: new Map([['example.com', []]]),
    reservedIps: new Map(),
    actions: new Map(),
    namespaces: new Map(),
    dropletOutcome: 'active',
    nextId: () => {
      lastId += 1;
      return lastId;
    },
    later: (requestCount, change) => {
      pending.push({ requestsLeft: requestCount, change });
    },
    tick: () => {
      for (const entry of pending) entry.requestsLeft -= 1;
      const due = pending.filter(({ requestsLeft }) => requestsLeft <= 0);
      pending = pending.filter(({ requestsLeft }) => requestsLeft > 0);
      run(due);
    },
    settle: () => {
      while (pending.length > 0) {
        const due = pending;
        pending = [];
        run(due);
      }
    },
  };
}
