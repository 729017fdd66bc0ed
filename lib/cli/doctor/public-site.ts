// The public site as a stranger sees it: its certificate, its promises to browsers, and that nothing of LiteLLM's
// management is there. The real admin key is never sent: a site that is wrong would learn it.

import { randomBytes } from 'node:crypto';
import pLimit from 'p-limit';
import type { Clock } from '../../clock.ts';
import { type Check, type Finding, failed, notChecked, well } from './check.ts';
import type { Edge } from './edge.ts';
import { type Answer, ask, codeOf, tryHandshake } from './network.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const HALF_A_YEAR_SECONDS = 15_768_000;
/** Renewal begins with a third of the life left; a tenth means that it has failed for days. 45-day certificates
 *  (Let's Encrypt from 2028 on) leave five of them. */
const FAILING_RENEWAL_RATIO = 0.11;

/** One of each kind: read, write, settings, pages, and each way around that proxies have fallen for. */
const MANAGEMENT_PATHS = [
  '/team/list',
  '/v2/team/list',
  '/key/list',
  '/user/list',
  '/config/yaml',
  '/config/list?config_type=general_settings',
  '/get/config/callbacks',
  '/health/readiness/details',
  '/spend/logs',
  '/model/info',
  '/openapi.json',
  '//team/list',
  '/v1/../team/list',
  '/%74eam/list',
] as const;
/** nginx counts the connections of an address. */
const MOST_AT_ONCE = 4;
/** What nginx answers itself. 401 would be LiteLLM's, so the route would be there. */
const NOT_THERE = [403, 404, 421];

export function publicSiteChecks(edge: () => Edge, clock: Clock): readonly Check[] {
  const askSite = async (path: string, signal: AbortSignal, headers: Record<string, string> = {}) => {
    const { network, publicHost: host, requireAddress } = edge();
    const address = await requireAddress(host);
    const tls = network.publicCa === undefined ? {} : { ca: network.publicCa };
    return ask({ address, port: network.httpsPort, host, path, headers, tls, signal });
  };
  return [
    {
      id: 'public-certificate',
      what: 'The public certificate is trusted, for this name, and is being renewed',
      why: 'every program and browser refuses the site the moment it is not.',
      needs: ['port-https'],
      run: (signal) => checkCertificate(edge(), clock.now(), signal),
    },
    {
      id: 'public-tls',
      what: 'The public site speaks TLS 1.3 and nothing older than 1.2',
      why: 'TLS 1.0 and 1.1 can be read and changed on the way by known attacks (RFC 8996).',
      needs: ['port-https'],
      run: (signal) => checkProtocol(edge(), signal),
    },
    {
      id: 'public-hsts',
      what: 'Browsers are told to stay with https',
      why: 'without it the first click on an old link can be led to somebody else’s page for signing in.',
      needs: ['public-certificate'],
      run: async (signal) => {
        const { headers } = await askSite('/', signal);
        const value = headers['strict-transport-security'] ?? '';
        const seconds = Number(/max-age=(\d+)/.exec(value)?.[1] ?? 0);
        if (seconds >= HALF_A_YEAR_SECONDS) return well(`max-age=${seconds}`);
        return failed(
          value === ''
            ? 'There is no Strict-Transport-Security header.'
            : `It says only "${value.slice(0, 60)}".`,
          'compare droplet/nginx/snippets/headers.conf with what is on the droplet, and deploy it again.',
        );
      },
    },
    {
      id: 'public-llm',
      what: 'LiteLLM answers behind the public site',
      why: 'this is the way of every request for a model.',
      needs: ['public-certificate'],
      run: async (signal) => {
        const { status } = await askSite('/health/liveliness', signal);
        if (status === 200) return well();
        return failed(
          `The site answers ${status} for /health/liveliness.`,
          'look at LiteLLM on the droplet: `docker compose -p litellm ps`, then its log.',
        );
      },
    },
    {
      id: 'public-management',
      what: 'LiteLLM’s management routes are not on the public site',
      why: 'there a stolen admin key, or the next hole in LiteLLM, would be enough to take over every key and budget.',
      needs: ['public-certificate'],
      run: async (signal) => {
        // Made up here: nothing that is sent opens anything.
        const headers = { authorization: `Bearer sk-${randomBytes(24).toString('hex')}` };
        const limit = pLimit(MOST_AT_ONCE);
        const reached = await Promise.all(
          MANAGEMENT_PATHS.map((path) =>
            limit(async () => {
              const answers = [await askSite(path, signal), await askSite(path, signal, headers)];
              return answers.filter(isThere).map(({ status }) => `${path} answers ${status}`);
            }),
          ),
        );
        const found = [...new Set(reached.flat())];
        if (found.length === 0) return well(`tried ${MANAGEMENT_PATHS.length}, with and without a key`);
        return failed(
          `${found.slice(0, 5).join('; ')}${found.length > 5 ? `; and ${found.length - 5} more` : ''}.`,
          'these must be 404 by nginx itself: compare droplet/nginx/sites/public.conf with what is on the droplet, or bring the name to the droplet if it leads past nginx.',
        );
      },
    },
  ];
}

const isThere = ({ status }: Answer) => !NOT_THERE.includes(status);

async function checkCertificate(edge: Edge, now: Date, signal: AbortSignal): Promise<Finding> {
  const { network, publicHost, requireAddress } = edge;
  const seen = await tryHandshake({
    host: await requireAddress(publicHost),
    port: network.httpsPort,
    servername: publicHost,
    ...(network.publicCa === undefined ? {} : { ca: network.publicCa }),
    signal,
  });
  const next =
    'look at the renewal on the droplet (its log, `systemctl list-timers`), and at port 80, by which the name is proved.';
  if (seen.status === 'refused') return failed(`The handshake was refused (${seen.code}).`, next);
  if (seen.distrust !== null) {
    return failed(`It is not trusted for ${publicHost} (${seen.distrust}).`, next);
  }
  const endsAt = new Date(seen.certificate.valid_to).getTime();
  const lifeMs = endsAt - new Date(seen.certificate.valid_from).getTime();
  const leftMs = endsAt - now.getTime();
  const days = Math.floor(leftMs / DAY_MS);
  if (leftMs >= lifeMs * FAILING_RENEWAL_RATIO) return well(`${days} days left`);
  return failed(
    `It ends in ${days} of ${Math.round(lifeMs / DAY_MS)} days: renewal has failed for days.`,
    next,
  );
}

async function checkProtocol(edge: Edge, signal: AbortSignal): Promise<Finding> {
  const { network, publicHost, requireAddress } = edge;
  const server = {
    host: await requireAddress(publicHost),
    port: network.httpsPort,
    servername: publicHost,
    signal,
  };
  const next = 'compare droplet/nginx/http/tls.conf with what is on the droplet, and deploy it again.';
  const best = await tryHandshake(server);
  if (best.status === 'refused') return failed(`The handshake was refused (${best.code}).`, next);
  if (best.protocol !== 'TLSv1.3') return failed(`The best that it speaks is ${best.protocol}.`, next);
  // Without a lower level OpenSSL itself refuses to offer these, and the answer would be ours.
  const offered = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  const old = await tryHandshake({ ...server, ...offered }).catch((error: unknown) => codeOf(error));
  if (typeof old === 'string') return notChecked(`this machine does not speak TLS 1.1 (${old})`);
  return old.status === 'refused' ? well() : failed(`It also speaks ${old.protocol}.`, next);
}
