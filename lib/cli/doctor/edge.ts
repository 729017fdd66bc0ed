// The droplet as `lcp doctor` approaches it: its three names, the address they lead to, and what opens its inner doors.

import type { RunSettings } from '../../composition.ts';
import type { MutualTls } from '../../mutual-tls.ts';
import type { Network } from './network.ts';

export type Edge = {
  readonly publicHost: string;
  readonly controlHost: string;
  readonly databaseHost: string;
  readonly tls: MutualTls;
  readonly network: Network;
  /** Every address of the public host, IPv4 first. */
  readPublicAddresses(): Promise<readonly string[]>;
  /** The first address of a host. */
  requireAddress(host: string): Promise<string>;
};

type EdgeSettings = Pick<RunSettings, 'PUBLIC_BASE_URL' | 'LITELLM_BASE_URL' | 'CONTROL_DATABASE_URL'>;

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[?::1\]?)$/;

export function isLocalUrl(value: string | undefined): boolean {
  return LOOPBACK.test(URL.parse(value ?? '')?.hostname ?? '');
}

/** Or why there is no droplet of ours to approach. */
export function findEdge(
  settings: EdgeSettings,
  tls: MutualTls | undefined,
  network: Network,
): { readonly edge: Edge } | { readonly notChecked: string } {
  const publicUrl = new URL(settings.PUBLIC_BASE_URL);
  if (isLocalUrl(settings.PUBLIC_BASE_URL)) {
    return { notChecked: `PUBLIC_BASE_URL is ${publicUrl.origin}: the data plane is on this machine` };
  }
  if (tls === undefined) {
    return { notChecked: 'DATA_PLANE_CA is none: the data plane is not a droplet that `lcp provision` made' };
  }
  const addressesOf = async (host: string) => {
    const { v4, v6 } = await network.readAddresses(host);
    return [...v4, ...v6];
  };
  return {
    edge: {
      publicHost: publicUrl.hostname,
      controlHost: new URL(settings.LITELLM_BASE_URL).hostname,
      databaseHost: new URL(settings.CONTROL_DATABASE_URL.reveal()).hostname,
      tls,
      network,
      readPublicAddresses: () => addressesOf(publicUrl.hostname),
      async requireAddress(host) {
        const [address] = await addressesOf(host);
        if (address === undefined) throw new Error(`${host} leads nowhere.`);
        return address;
      },
    },
  };
}
