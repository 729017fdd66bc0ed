import { expect, test } from 'vitest';
import { planMonthlyCost } from '../../lib/provision/cost.ts';
import { renderDropletPlan } from '../../lib/provision/plan-text.ts';
import { expectGolden } from '../golden.ts';
import { buildWanted, createAccount } from './cloud-fixture.ts';

test('a first plan tells what it makes and what that costs', async () => {
  expectGolden(
    'provision-first.txt',
    renderDropletPlan(await createAccount().plan(buildWanted({ reserved_ip: true }))),
  );
});

test('a plan after changes by hand tells what differs and what to do', async () => {
  const account = createAccount();
  await account.run();
  const { state } = account.cloud;
  for (const droplet of state.droplets.values()) {
    droplet.size_slug = 's-4vcpu-8gb';
    droplet.status = 'off';
  }
  for (const { inbound_rules: rules } of state.firewalls.values()) rules.pop();
  state.domains.get('example.com')?.pop();

  expectGolden('provision-differs.txt', renderDropletPlan(await account.plan()));
});

test('a plan with something in the way tells what, and makes nothing', async () => {
  const account = createAccount();
  await account.run();
  const [first] = account.cloud.state.droplets.values();
  if (first) account.cloud.state.droplets.set(2, { ...first, id: 2, volume_ids: [] });

  expectGolden(
    'provision-refused.txt',
    renderDropletPlan(await account.plan(buildWanted({ domain_zone: 'none' }))),
  );
});

test('the cost is the size of the API, ten cents a GiB, and nothing for an address in use', () => {
  const size = { slug: 'c-4', price_monthly: 84 };

  expect(planMonthlyCost({ size, volumeGib: 25, hasReservedIp: true }).totalUsd).toBe(86.5);
});
