// The only file that knows digitalocean-js 2.1.2. It keeps its token and address in one axios instance for the whole
// process, follows no pages and has no time limits, so each of its calls is sent by our own `send`: the library is left
// with the paths, and with nothing that `send` cannot do, which is everything but GET and POST.
// It has no reserved IPs under that name, no pages and no filters by name: those calls are in client.ts.

import { createRequire } from 'node:module';
import { DigitalOcean } from 'digitalocean-js';
import type { CloudRequest, Send } from './send.ts';

/** What the adapter is given and gives back, of axios 0.35: the fields used. */
type AxiosConfig = {
  readonly method?: string;
  readonly url?: string;
  readonly params?: Record<string, string | number>;
  readonly data?: string;
};
type AxiosInstance = { defaults: { adapter?: (config: AxiosConfig) => Promise<unknown> } };

const { instance } = createRequire(import.meta.url)('digitalocean-js/src/lib/axios-instance.js') as {
  instance: AxiosInstance;
};

export type Library = Pick<
  DigitalOcean,
  | 'account'
  | 'droplets'
  | 'blockStorage'
  | 'blockStorageActions'
  | 'firewalls'
  | 'domainRecords'
  | 'domains'
  | 'tags'
>;

/** The library over `send`; only the newest one of a process is connected. Its own token is empty: `send` holds it. */
export function createLibrary(send: Send, signal: AbortSignal): Library {
  const library = new DigitalOcean('');
  instance.defaults.adapter = async (config) => ({
    data: await send(toRequest(config), signal),
    status: 200,
    statusText: 'OK',
    headers: {},
    config,
  });
  return library;
}

function toRequest({ method, url = '', params, data }: AxiosConfig): CloudRequest {
  const verb = method?.toUpperCase();
  if (verb !== 'GET' && verb !== 'POST') throw new TypeError(`${verb} is never sent to DigitalOcean.`);
  return {
    method: verb,
    path: url,
    ...(params === undefined ? {} : { query: params }),
    ...(data === undefined ? {} : { body: JSON.parse(data) }),
  };
}
