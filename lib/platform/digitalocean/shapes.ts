// What DigitalOcean answers, as far as it is used: the fields below must have this form, others may be there.
// Source: github.com/digitalocean/openapi at 7c1300c, specification/resources/<resource>/models.

import * as z from 'zod';

const region = z.object({ slug: z.string() });

export const dropletShape = z.object({
  id: z.int(),
  name: z.string(),
  status: z.enum(['new', 'active', 'off', 'archive']),
  size_slug: z.string(),
  region,
  /** Without the scope image:read the slug is not shown. */
  image: z.object({ slug: z.string().nullish() }).nullish(),
  tags: z.array(z.string()),
  volume_ids: z.array(z.string()),
  networks: z.object({
    v4: z.array(z.object({ ip_address: z.string(), type: z.enum(['public', 'private']) })),
  }),
});

export const volumeShape = z.object({
  id: z.string(),
  name: z.string(),
  size_gigabytes: z.int(),
  droplet_ids: z
    .array(z.int())
    .nullish()
    .transform((ids) => ids ?? []),
  region,
});

/** A list that the API leaves out or gives as null where it is empty (firewall_rule.yml). */
const maybeList = z
  .array(z.string())
  .nullish()
  .transform((items) => items ?? []);
const target = z.object({ addresses: maybeList });
const rule = { protocol: z.enum(['tcp', 'udp', 'icmp']), ports: z.string() };

export const firewallShape = z.object({
  id: z.string(),
  name: z.string(),
  tags: maybeList,
  inbound_rules: z
    .array(z.object({ ...rule, sources: target }))
    .nullish()
    .transform((rules) => rules ?? []),
  outbound_rules: z
    .array(z.object({ ...rule, destinations: target }))
    .nullish()
    .transform((rules) => rules ?? []),
});

export const reservedIpShape = z.object({
  ip: z.string(),
  region,
  droplet: z.object({ id: z.int() }).nullable(),
});

export const recordShape = z.object({
  id: z.int(),
  type: z.string(),
  /** Below the domain, `@` for the domain itself. */
  name: z.string(),
  data: z.string(),
});

export const sizeShape = z.object({
  slug: z.string(),
  memory: z.int(),
  vcpus: z.int(),
  disk: z.int(),
  price_monthly: z.number(),
  regions: z.array(z.string()),
  available: z.boolean(),
});

export const sshKeyShape = z.object({ id: z.int(), fingerprint: z.string(), name: z.string() });
export const accountShape = z.object({ status: z.enum(['active', 'warning', 'locked']) });
export const actionShape = z.object({
  id: z.int(),
  type: z.string(),
  status: z.enum(['in-progress', 'completed', 'errored']),
});
export const tagShape = z.object({ name: z.string() });

export type Droplet = z.output<typeof dropletShape>;
export type Volume = z.output<typeof volumeShape>;
export type Firewall = z.output<typeof firewallShape>;
export type ReservedIp = z.output<typeof reservedIpShape>;
export type DomainRecord = z.output<typeof recordShape>;
export type Size = z.output<typeof sizeShape>;
export type SshKey = z.output<typeof sshKeyShape>;
export type Action = z.output<typeof actionShape>;
