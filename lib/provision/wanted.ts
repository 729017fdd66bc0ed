// The form of droplet/droplet.yml. Strict: an unknown key, an empty value or a wrong word is an error, and all of them
// are reported at once, with line and near miss. The limits of names are DigitalOcean's (github.com/digitalocean/openapi
// at 7c1300c, specification/resources: droplets, volumes, tags).

import { isIP } from 'node:net';
import * as z from 'zod';

const text = (expected: string) => z.string({ error: expected }).trim().min(1, { error: expected });
const matching = (pattern: RegExp, expected: string) => text(expected).regex(pattern, { error: expected });

const HOST = /^(?=.{4,200}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/;
const host = (what: string) => matching(HOST, `Expected ${what}, such as llm.example.com, in small letters.`);

const addressRange = text('Expected an address or a range such as 203.0.113.0/24.').refine(isAddressRange, {
  error: 'Expected an IPv4 or IPv6 address or a range such as 203.0.113.0/24.',
});

const sshKey = z.union(
  [z.int().positive(), z.string().regex(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/, { error: 'no fingerprint' })],
  { error: 'Expected the id (a number) or the fingerprint (16 pairs of digits with colons) of an SSH key.' },
);

const reservedIp = z.union([z.boolean(), z.string().refine((value) => isIP(value) === 4)], {
  error: 'Expected false, true or the reserved IPv4 address to use.',
});

export const wantedSchema = z
  .strictObject(
    {
      version: z.literal(1, { error: 'Expected version: 1.' }),
      // `<name>-data` is the volume: at most 64 of a-z, 0-9 and -, beginning with a letter (volume_base.yml).
      name: matching(
        /^[a-z]([a-z0-9-]{0,50}[a-z0-9])?$/,
        'Expected a name of small letters, digits and -, at most 52.',
      ),
      region: matching(/^[a-z]{3}[0-9]$/, 'Expected a region slug such as fra1.'),
      size: matching(/^[a-z0-9-]+$/, 'Expected a size slug such as c-4.').default('c-4'),
      image: z
        .enum(['debian-12-x64', 'ubuntu-24-04-x64'], { error: 'Expected debian-12-x64 or ubuntu-24-04-x64.' })
        .default('debian-12-x64'),
      volume_gib: z
        .int({ error: 'Expected a whole number of GiB.' })
        .min(10, { error: 'Expected at least 10 GiB.' })
        .max(16_384, { error: 'Expected at most 16384 GiB.' }),
      public_host: host('the name of the public site'),
      domain_zone: z.union([z.literal('none'), host('the domain at DigitalOcean, or none')], {
        error: 'Expected the domain at DigitalOcean that holds public_host, or none.',
      }),
      acme_email: matching(/^[^\s@'"\\$`]+@[^\s@'"\\$`]+\.[a-z]+$/i, 'Expected a mail address.'),
      ssh_keys: z
        .array(sshKey, { error: 'Expected a list of SSH keys.' })
        .min(1, { error: 'Expected at least one SSH key: without one nobody gets in.' }),
      ssh_from: z
        .array(addressRange, { error: 'Expected a list of addresses or ranges.' })
        .min(1, { error: 'Expected at least one range: the settings are fetched over SSH.' }),
      ssh_from_everywhere: z.literal(true, { error: 'Expected true, or leave it out.' }).optional(),
      reserved_ip: reservedIp.default(false),
      tags: z
        .array(matching(/^[\w:-]{1,255}$/, 'Expected a tag of letters, digits, :, - and _.'), {
          error: 'Expected a list of tags; [] for none.',
        })
        .default([]),
    },
    { error: 'Expected the keys of droplet/droplet.yml.' },
  )
  .superRefine((wanted, context) => {
    if (wanted.domain_zone !== 'none' && !`.${wanted.public_host}`.endsWith(`.${wanted.domain_zone}`)) {
      context.addIssue({
        code: 'custom',
        path: ['domain_zone'],
        input: wanted.domain_zone,
        message: `Expected a domain that ${wanted.public_host} is in, or none.`,
      });
    }
    wanted.ssh_from.forEach((range, i) => {
      if (!range.endsWith('/0') || wanted.ssh_from_everywhere) return;
      context.addIssue({
        code: 'custom',
        path: ['ssh_from', i],
        input: range,
        message:
          'This opens SSH to everybody; name your own ranges, or add ssh_from_everywhere: true if you mean it.',
      });
    });
  });

/** What droplet/droplet.yml asks for. Sizes in GiB. */
export type Wanted = z.output<typeof wantedSchema>;

export const KNOWN_KEYS = Object.keys(wantedSchema.shape);

function isAddressRange(value: string): boolean {
  const [address = '', prefix, ...rest] = value.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128);
}
