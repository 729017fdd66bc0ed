// DigitalOcean as this project uses it: a handful of reads, seven writes, no delete. Reads follow every page and are
// tried again; a write whose outcome is unknown says so and is never sent twice (retry.ts).

import * as z from 'zod';
import type { Clock } from '../../clock.ts';
import { ControlError, isControlError } from '../../errors.ts';
import type { Secret } from '../../secret.ts';
import { createLibrary } from './library.ts';
import { type NewDroplet, type NewFirewall, toDropletRequest, toFirewallRequest } from './requests.ts';
import { judgeFailure } from './retry.ts';
import { CallFailure, type CloudRequest, createSend, type Send } from './send.ts';
import * as shapes from './shapes.ts';

export type DigitalOceanOptions = {
  readonly apiUrl: string;
  readonly token: Secret;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** 0 up to 1; spreads retries. */
  readonly random: () => number;
  /** The limit of one attempt; 30 s when left out. */
  readonly timeoutMs?: number;
  readonly fetch?: typeof globalThis.fetch;
};

export type DigitalOceanClient = ReturnType<typeof createDigitalOcean>;

const TIMEOUT_MS = 30_000;
/** The most that one page may hold (shared/parameters.yml). */
const PER_PAGE = 200;
const LONGEST_LIST_PAGES = 50;

/** Every method throws ControlError CLOUD_UNAVAILABLE, CLOUD_DENIED, CLOUD_REFUSED or CLOUD_ANSWER_INVALID; a write also
 *  CLOUD_OUTCOME_UNKNOWN. One client a process: the library holds one connection for all. */
export function createDigitalOcean(options: DigitalOceanOptions) {
  const { signal } = options;
  const send = withRetries(
    createSend({
      timeoutMs: TIMEOUT_MS,
      ...options,
      baseUrl: `${options.apiUrl}/v2`,
      key: options.token,
      scheme: 'Bearer',
    }),
    options,
  );
  const library = createLibrary(send, signal);
  const get = (path: string, query?: CloudRequest['query']) =>
    send({ method: 'GET', path, ...(query ? { query } : {}) }, signal);
  const post = (path: string, body: unknown) => send({ method: 'POST', path, body }, signal);

  /** Every page of a list; a list that does not end is an error, not a shorter list. */
  async function list<T>(
    path: string,
    key: string,
    shape: z.ZodType<T>,
    query: Record<string, string> = {},
  ): Promise<T[]> {
    const items: T[] = [];
    for (let page = 1; page <= LONGEST_LIST_PAGES; page += 1) {
      const answer = await get(path, { ...query, page, per_page: PER_PAGE });
      const { links, ...rest } = parse(path, z.looseObject({ links: pageLinks }), answer);
      items.push(...parse(path, z.array(shape), rest[key]));
      if (links?.pages?.next === undefined) return items;
    }
    throw new ControlError('CLOUD_ANSWER_INVALID', `DigitalOcean's list ${path} does not end.`, {
      details: { path },
    });
  }

  return {
    readAccount: async () =>
      parse('/account', shapes.accountShape, await library.account.getUserInformation()),
    listSizes: () => list('/sizes', 'sizes', shapes.sizeShape),
    listSshKeys: () => list('/account/keys', 'ssh_keys', shapes.sshKeyShape),
    /** Exact name, whatever its case; names are not unique. */
    listDropletsByName: (name: string) => list('/droplets', 'droplets', shapes.dropletShape, { name }),
    listDropletsByTag: (tag: string) => list('/droplets', 'droplets', shapes.dropletShape, { tag_name: tag }),
    readDroplet: async (id: number) =>
      parse('/droplets', shapes.dropletShape, await library.droplets.getExistingDroplet(id)),
    listDropletActions: (id: number) => list(`/droplets/${id}/actions`, 'actions', shapes.actionShape),
    /** None or one: a name is unique in its region (volumes_list.yml). */
    listVolumes: async (name: string, region: string) =>
      parse(
        '/volumes',
        z.array(shapes.volumeShape),
        await library.blockStorage.getBlockStorageByName(name, region),
      ),
    listFirewalls: () => list('/firewalls', 'firewalls', shapes.firewallShape),
    listReservedIps: () => list('/reserved_ips', 'reserved_ips', shapes.reservedIpShape),
    hasTag: (name: string) => isFound(() => library.tags.getTagByName(encodeURIComponent(name))),
    hasDomain: (name: string) => isFound(() => library.domains.getExistingDomain(name)),
    /** `name` with its domain, such as llm.example.com. */
    listRecords: (domain: string, name: string) =>
      list(`/domains/${domain}/records`, 'domain_records', shapes.recordShape, { name }),

    createTag: async (name: string) => parse('/tags', shapes.tagShape, await library.tags.createTag(name)),
    createVolume: async (volume: { name: string; region: string; sizeGib: number; description: string }) =>
      parse(
        '/volumes',
        shapes.volumeShape,
        // No file system: the droplet makes one, and only where the volume is blank.
        await library.blockStorage.createBlockStorage({
          name: volume.name,
          region: volume.region,
          size_gigabytes: volume.sizeGib,
          description: volume.description,
        } as Parameters<typeof library.blockStorage.createBlockStorage>[0]),
      ),
    createDroplet: async (droplet: NewDroplet) =>
      parse(
        '/droplets',
        shapes.dropletShape,
        await library.droplets.createNewDroplet(toDropletRequest(droplet)),
      ),
    attachVolume: async (volumeId: string, dropletId: number, region: string) =>
      parse(
        '/volumes/actions',
        shapes.actionShape,
        await library.blockStorageActions.attachVolumeToDroplet(volumeId, {
          type: 'attach',
          droplet_id: dropletId,
          region,
        } as Parameters<typeof library.blockStorageActions.attachVolumeToDroplet>[1]),
      ),
    createFirewall: async (firewall: NewFirewall) =>
      parse(
        '/firewalls',
        shapes.firewallShape,
        await library.firewalls.createFirewall(
          toFirewallRequest(firewall) as unknown as Parameters<typeof library.firewalls.createFirewall>[0],
        ),
      ),
    createRecord: async (domain: string, record: { type: 'A'; name: string; data: string; ttl: number }) =>
      parse(
        '/domains/records',
        shapes.recordShape,
        await library.domainRecords.createDomainRecord(
          domain,
          record as unknown as Parameters<typeof library.domainRecords.createDomainRecord>[1],
        ),
      ),
    // digitalocean-js knows them by their name before 2022, floating IPs.
    createReservedIp: async (dropletId: number) =>
      parse(
        '/reserved_ips',
        z.object({ reserved_ip: shapes.reservedIpShape }),
        await post('/reserved_ips', { droplet_id: dropletId }),
      ).reserved_ip,
    assignReservedIp: async (ip: string, dropletId: number) =>
      parse(
        '/reserved_ips/actions',
        z.object({ action: shapes.actionShape }),
        await post(`/reserved_ips/${ip}/actions`, { type: 'assign', droplet_id: dropletId }),
      ).action,
  };
}

const pageLinks = z.object({ pages: z.object({ next: z.string().optional() }).optional() }).nullish();

function withRetries(send: Send, { clock, random }: DigitalOceanOptions): Send {
  return async (request, signal) => {
    for (let attemptCount = 1; ; attemptCount += 1) {
      try {
        return await send(request, signal);
      } catch (failure) {
        if (!(failure instanceof CallFailure)) throw failure;
        const verdict = judgeFailure({ request, failure, attemptCount, random });
        if ('error' in verdict) throw verdict.error;
        await clock.sleep(verdict.waitMs, signal);
      }
    }
  };
}

async function isFound(read: () => Promise<unknown>): Promise<boolean> {
  try {
    await read();
    return true;
  } catch (error) {
    if (isControlError(error, 'CLOUD_REFUSED') && error.details.status === 404) return false;
    throw error;
  }
}

function parse<T>(path: string, shape: z.ZodType<T>, answer: unknown): T {
  const parsed = shape.safeParse(answer);
  if (parsed.success) return parsed.data;
  const fields = [...new Set(parsed.error.issues.map((issue) => issue.path.join('.') || '(whole answer)'))];
  throw new ControlError(
    'CLOUD_ANSWER_INVALID',
    `DigitalOcean answered /v2${path} in a form this version does not know (${fields.slice(0, 5).join(', ')}).`,
    { details: { path, fields: fields.slice(0, 10) } },
  );
}
