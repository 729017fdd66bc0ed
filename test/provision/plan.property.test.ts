// Rules that hold for whatever is there and whatever is wanted.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Droplet, Volume } from '../../lib/platform/digitalocean/shapes.ts';
import type { Current } from '../../lib/provision/current.ts';
import { namesOf } from '../../lib/provision/names.ts';
import { planDroplet } from '../../lib/provision/plan.ts';
import { renderDropletPlan } from '../../lib/provision/plan-text.ts';
import type { Wanted } from '../../lib/provision/wanted.ts';
import { buildWanted, FINGERPRINT } from './cloud-fixture.ts';

const wanteds: fc.Arbitrary<Wanted> = fc
  .record({
    volume_gib: fc.integer({ min: 10, max: 100 }),
    domain_zone: fc.constantFrom('example.com', 'llm.example.com', 'none'),
    reserved_ip: fc.constantFrom(false, true, '198.51.100.7'),
    region: fc.constantFrom('fra1', 'nyc3'),
    size: fc.constantFrom('c-4', 'c-2'),
    tags: fc.subarray(['web', 'prod']),
  })
  .map((changes) => buildWanted(changes));

const droplets: fc.Arbitrary<Droplet> = fc.record({
  id: fc.integer({ min: 1, max: 5 }),
  name: fc.constantFrom('litellm', 'other'),
  status: fc.constantFrom('new', 'active', 'off', 'archive'),
  size_slug: fc.constantFrom('c-4', 'c-2'),
  region: fc.constant({ slug: 'fra1' }),
  image: fc.constantFrom(null, { slug: 'debian-12-x64' }, { slug: 'ubuntu-24-04-x64' }),
  tags: fc.subarray(['lcp:litellm', 'web']),
  volume_ids: fc.subarray(['volume']),
  networks: fc.constantFrom(
    { v4: [] },
    {
      v4: [
        { ip_address: '203.0.113.5', type: 'public' as const },
        { ip_address: '10.0.0.1', type: 'private' as const },
      ],
    },
  ),
});

const volumes: fc.Arbitrary<Volume | undefined> = fc.option(
  fc.record({
    id: fc.constant('volume'),
    name: fc.constant('litellm-data'),
    size_gigabytes: fc.integer({ min: 10, max: 100 }),
    droplet_ids: fc.subarray([1, 2, 9], { maxLength: 1 }),
    region: fc.constant({ slug: 'fra1' }),
  }),
  { nil: undefined },
);

const records = fc.array(
  fc.record({
    id: fc.nat(),
    type: fc.constantFrom('A', 'AAAA', 'CNAME', 'TXT'),
    name: fc.constant('llm'),
    data: fc.constantFrom('203.0.113.5', '198.51.100.7', '192.0.2.9'),
  }),
  { maxLength: 2 },
);

const currents: fc.Arbitrary<Current> = fc.record({
  isAccountLocked: fc.boolean(),
  sizes: fc.constant(
    ['c-2', 'c-4'].map((slug) => ({
      slug,
      memory: 8192,
      vcpus: 4,
      disk: 50,
      price_monthly: 84,
      regions: ['fra1', 'nyc3'],
      available: true,
    })),
  ),
  sshKeys: fc.constantFrom([], [{ id: 7, fingerprint: FINGERPRINT, name: 'devops' }]),
  hasTag: fc.boolean(),
  droplets: fc.uniqueArray(droplets, { maxLength: 3, selector: ({ id }) => id }),
  failedDropletIds: fc.subarray([1, 2]),
  volume: volumes,
  firewall: fc.option(
    fc.record({
      id: fc.constant('firewall'),
      name: fc.constant('litellm-firewall'),
      tags: fc.subarray(['lcp:litellm']),
      inbound_rules: fc.constant([]),
      outbound_rules: fc.constant([]),
    }),
    { nil: undefined },
  ),
  reservedIps: fc.uniqueArray(
    fc.record({
      ip: fc.constantFrom('198.51.100.7', '198.51.100.8'),
      region: fc.constant({ slug: 'fra1' }),
      droplet: fc.constantFrom(null, { id: 1 }, { id: 9 }),
    }),
    { maxLength: 2, selector: ({ ip }) => ip },
  ),
  hasZone: fc.boolean(),
  records: fc.dictionary(
    fc.constantFrom('llm.example.com', 'control.llm.example.com', 'db.llm.example.com'),
    records,
  ),
});

const check = (holds: (wanted: Wanted, current: Current) => void) =>
  fc.assert(fc.property(wanteds, currents, holds), { numRuns: 500 });

test('no plan has a step that removes or changes something, and each makes at most one of each', () => {
  check((wanted, current) => {
    const kinds = planDroplet(wanted, current).steps.map(({ kind }) => kind);
    const made = kinds.filter((kind) => kind !== 'create_record');

    expect(kinds.every((kind) => /^(create|wait_for|attach|reserve|assign)_/.test(kind))).toBe(true);
    expect(new Set(made).size).toBe(made.length);
    expect(kinds.filter((kind) => kind === 'create_record').length).toBeLessThanOrEqual(3);
  });
});

test('a plan with something in the way has no steps', () => {
  check((wanted, current) => {
    const { refusals, steps } = planDroplet(wanted, current);

    if (refusals.length > 0) expect(steps).toEqual([]);
  });
});

test('a second droplet, volume or firewall is never planned where one of its name or tag is', () => {
  check((wanted, current) => {
    const kinds = planDroplet(wanted, current).steps.map(({ kind }) => kind);

    if (current.droplets.length > 0) expect(kinds).not.toContain('create_droplet');
    if (current.volume) expect(kinds).not.toContain('create_volume');
    if (current.firewall) expect(kinds).not.toContain('create_firewall');
  });
});

test('a new droplet comes after its tag, its firewall and its volume, and a name after its address', () => {
  check((wanted, current) => {
    const kinds = planDroplet(wanted, current).steps.map(({ kind }) => kind);
    const droplet = kinds.indexOf('create_droplet');
    const address = Math.max(
      kinds.indexOf('reserve_ip'),
      kinds.indexOf('assign_ip'),
      kinds.indexOf('wait_for_droplet'),
    );
    if (droplet >= 0) {
      for (const kind of ['create_tag', 'create_firewall', 'create_volume'] as const) {
        expect(kinds.indexOf(kind)).toBeLessThan(droplet);
      }
    }
    const record = kinds.indexOf('create_record');
    if (record >= 0) expect(address).toBeLessThan(record);
  });
});

test('a volume that serves another droplet stands in the way', () => {
  check((wanted, current) => {
    const { present, refusals } = planDroplet(wanted, current);
    const elsewhere = current.volume?.droplet_ids.some((id) => id !== present.dropletId);

    if (elsewhere) expect(refusals.length).toBeGreaterThan(0);
  });
});

test('the same things in another order give the same plan and the same text', () => {
  check((wanted, current) => {
    const turned = { ...current, sizes: current.sizes.toReversed(), sshKeys: current.sshKeys.toReversed() };

    expect(planDroplet(wanted, turned)).toEqual(planDroplet(wanted, current));
    expect(renderDropletPlan(planDroplet(wanted, turned))).toBe(
      renderDropletPlan(planDroplet(wanted, current)),
    );
  });
});

test('only a droplet with our tag or our volume is taken for ours', () => {
  check((wanted, current) => {
    const { dropletId } = planDroplet(wanted, current).present;
    const ours = current.droplets.find(({ id }) => id === dropletId);

    if (dropletId !== undefined) {
      const isOurs =
        ours?.tags.includes(namesOf(wanted).tag) || ours?.volume_ids.includes(current.volume?.id ?? '');
      expect(isOurs).toBe(true);
    }
  });
});
