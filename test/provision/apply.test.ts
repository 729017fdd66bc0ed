import { expect, test } from 'vitest';
import { finishDroplet } from '../world/digitalocean/droplets.ts';
import { buildWanted, countParts, createAccount, FINGERPRINT } from './cloud-fixture.ts';

test('a first run makes one of each, the firewall before the droplet, and the second run makes nothing', async () => {
  const account = createAccount();
  const { applied } = await account.run();
  const requestCount = account.cloud.requests.length;

  expect(countParts(account.cloud)).toEqual({
    droplets: 1,
    volumes: 1,
    attachedTo: 1,
    firewalls: 1,
    reservedIps: 0,
    records: [`control.llm ${applied.address}`, `db.llm ${applied.address}`, `llm ${applied.address}`],
  });
  const [droplet] = account.cloud.state.droplets.values();
  expect(droplet).toMatchObject({
    name: 'litellm',
    size_slug: 'c-4',
    image: 'debian-12-x64',
    tags: ['lcp:litellm'],
    ssh_keys: [289794],
    user_data: '#cloud-config\n',
  });
  const [firewall] = account.cloud.state.firewalls.values();
  expect(firewall).toMatchObject({ tags: ['lcp:litellm'], droplet_ids: [] });
  expect(firewall?.inbound_rules.map(({ ports, sources }) => [ports, sources.addresses])).toEqual([
    ['22', ['192.0.2.0/24']],
    ['80', ['0.0.0.0/0', '::/0']],
    ['443', ['0.0.0.0/0', '::/0']],
  ]);
  const posts = account.cloud.requests.filter(({ method }) => method === 'POST').map(({ path }) => path);
  expect(posts.indexOf('/v2/firewalls')).toBeLessThan(posts.indexOf('/v2/droplets'));

  const again = await account.run();
  expect(again.plan.steps).toEqual([]);
  expect(again.plan.differences).toEqual([]);
  expect(again.applied).toEqual(applied);
  const second = account.cloud.requests.slice(requestCount);
  expect(second.filter(({ method }) => method !== 'GET')).toEqual([]);
});

test('apply reports exactly the steps of the plan, in its order', async () => {
  const account = createAccount();
  const { plan } = await account.run(buildWanted({ reserved_ip: true }));

  expect(plan.steps.map(({ kind }) => kind)).toEqual([
    'create_tag',
    'create_firewall',
    'create_volume',
    'create_droplet',
    'wait_for_droplet',
    'reserve_ip',
    'create_record',
    'create_record',
    'create_record',
  ]);
  expect(account.reported).toHaveLength(plan.steps.length);
});

test('with a reserved IP the names point to it, and the next run finds it again', async () => {
  const account = createAccount();
  const wanted = buildWanted({ reserved_ip: true });
  const { applied } = await account.run(wanted);

  expect(applied.address).toBe('198.51.100.1');
  expect(countParts(account.cloud).records).toContain('llm 198.51.100.1');
  expect((await account.run(wanted)).plan.steps).toEqual([]);
});

test('a reserved IP that serves nobody is taken before another one is paid for', async () => {
  const account = createAccount();
  const ip = '198.51.100.99';
  account.cloud.state.reservedIps.set(ip, { ip, region: 'fra1', droplet_id: null, locked: false });
  const { applied } = await account.run(buildWanted({ reserved_ip: true }));

  expect(applied.address).toBe(ip);
  expect(account.cloud.state.reservedIps.size).toBe(1);
});

test('a volume that outlived its droplet is kept and given to the new one', async () => {
  const account = createAccount();
  await account.run();
  const { state } = account.cloud;
  const [volume] = state.volumes.values();
  state.droplets.clear();
  if (volume) volume.droplet_ids = [];
  state.domains.set('example.com', []);

  const { plan } = await account.run();
  expect(plan.kept).toContain('volume litellm-data');
  expect(countParts(account.cloud)).toMatchObject({ droplets: 1, volumes: 1, attachedTo: 1 });
});

test('a volume that somebody detached is attached again', async () => {
  const account = createAccount();
  await account.run();
  for (const volume of account.cloud.state.volumes.values()) volume.droplet_ids = [];
  for (const droplet of account.cloud.state.droplets.values()) droplet.volume_ids = [];

  expect((await account.run()).plan.steps.map(({ kind }) => kind)).toEqual(['attach_volume']);
  expect(countParts(account.cloud).attachedTo).toBe(1);
});

test('two droplets with the tag are refused with the next step, and nothing is sent but reads', async () => {
  const account = createAccount();
  await account.run();
  const { state } = account.cloud;
  const [first] = state.droplets.values();
  if (first) state.droplets.set(2, { ...first, id: 2, volume_ids: [] });
  const start = account.cloud.requests.length;

  await expect(account.run()).rejects.toMatchObject({
    code: 'PROVISION_REFUSED',
    message: expect.stringContaining('take the tag off the other one, or destroy it by hand'),
  });
  expect(account.cloud.requests.slice(start).filter(({ method }) => method !== 'GET')).toEqual([]);
});

test('a droplet of the same name that lcp did not make is left alone and stands in the way', async () => {
  const account = createAccount();
  await account.run();
  for (const droplet of account.cloud.state.droplets.values()) {
    droplet.tags = [];
    droplet.volume_ids = [];
  }
  for (const volume of account.cloud.state.volumes.values()) volume.droplet_ids = [];

  await expect(account.run()).rejects.toMatchObject({ code: 'PROVISION_REFUSED' });
  expect(countParts(account.cloud).droplets).toBe(1);
});

test('a droplet that holds our volume is ours though its tag is gone, and the missing tag is said', async () => {
  const account = createAccount();
  const { applied } = await account.run();
  for (const droplet of account.cloud.state.droplets.values()) droplet.tags = [];

  const again = await account.run();
  expect(again.applied).toEqual(applied);
  expect(again.plan.steps).toEqual([]);
  expect(again.plan.differences).toMatchObject([{ what: 'droplet litellm', found: 'no tag lcp:litellm' }]);
});

test('what somebody changed by hand is said and not changed', async () => {
  const account = createAccount();
  await account.run();
  const { state } = account.cloud;
  for (const droplet of state.droplets.values()) droplet.size_slug = 's-4vcpu-8gb';
  for (const volume of state.volumes.values()) volume.size_gigabytes = 50;
  for (const { inbound_rules: rules } of state.firewalls.values()) {
    if (rules[0]) rules[0].sources.addresses = ['0.0.0.0/0'];
  }
  const [record] = state.domains.get('example.com') ?? [];
  if (record) record.data = '192.0.2.77';
  const start = account.cloud.requests.length;

  const { plan } = await account.run();
  expect(plan.differences.map(({ what, found }) => [what, found])).toEqual([
    ['firewall litellm-firewall', 'in: tcp 22 0.0.0.0/0; tcp 443 0.0.0.0/0 ::/0; tcp 80 0.0.0.0/0 ::/0'],
    ['volume litellm-data', '50 GiB'],
    ['droplet litellm', 's-4vcpu-8gb'],
    ['record llm.example.com', 'A 192.0.2.77'],
  ]);
  for (const { next } of plan.differences) expect(next).not.toBe('');
  expect(account.cloud.requests.slice(start).filter(({ method }) => method !== 'GET')).toEqual([]);
});

test('every requirement that is not met is said at once, before anything is made', async () => {
  const account = createAccount();
  account.cloud.state.account.status = 'locked';
  const wanted = buildWanted({
    region: 'lon1',
    ssh_keys: [FINGERPRINT, 7],
    public_host: 'llm.example.org',
    domain_zone: 'example.org',
    reserved_ip: '198.51.100.50',
  });
  const { refusals, steps } = await account.plan(wanted);

  expect(refusals.map(({ why }) => why)).toEqual([
    'The account is locked.',
    'The size c-4 is not to be had in lon1 now.',
    'The team has no SSH key 7.',
    'The domain example.org is not at DigitalOcean.',
    'There is no reserved IP 198.51.100.50 in this region.',
  ]);
  expect(steps).toEqual([]);
});

test('a domain elsewhere gets no records, and the plan says which to make', async () => {
  const account = createAccount();
  const { plan } = await account.run(buildWanted({ domain_zone: 'none' }));

  expect(plan.notes).toEqual([
    'Make A records for llm.example.com, control.llm.example.com, db.llm.example.com to the address shown at the end.',
  ]);
  expect(account.cloud.requests.filter(({ path }) => path.startsWith('/v2/domains'))).toEqual([]);
});

test('a droplet that stays new ends the run with its limit, and the next run finishes once it is there', async () => {
  const account = createAccount();
  account.cloud.state.dropletOutcome = 'stuck';
  await expect(account.run()).rejects.toMatchObject({ code: 'DROPLET_FAILED', retryable: true });
  expect(account.clock.elapsedMs()).toBeLessThan(15 * 60_000);
  for (const droplet of account.cloud.state.droplets.values()) finishDroplet(account.cloud.state, droplet);

  await account.run();
  expect(countParts(account.cloud)).toMatchObject({ droplets: 1, volumes: 1, attachedTo: 1 });
});

test('a droplet that DigitalOcean could not finish is for a person, and after that the next run makes it anew', async () => {
  const account = createAccount();
  const { state } = account.cloud;
  state.dropletOutcome = 'errored';
  await expect(account.run()).rejects.toMatchObject({ code: 'DROPLET_FAILED' });
  await expect(account.run()).rejects.toMatchObject({
    code: 'PROVISION_REFUSED',
    message: expect.stringContaining('Destroy it by hand'),
  });
  expect(state.droplets.size).toBe(1);
  state.droplets.clear();
  for (const volume of state.volumes.values()) volume.droplet_ids = [];
  state.dropletOutcome = 'active';

  await account.run();
  expect(countParts(account.cloud)).toMatchObject({ droplets: 1, volumes: 1, attachedTo: 1 });
});
