// What the Admin's word on where LiteLLM runs means for everybody who looks at it. Pure.

import type { Policy } from './schema.ts';

export type DataPlane = Policy['data_plane'];

export type DataPlaneExpectations = {
  /** More than one LiteLLM answers: without a shared Redis each remembers keys, limits and spend for itself. */
  readonly isStateShared: boolean;
  /** Hosts whose agent reports each minute; undefined where nothing was said and one droplet is all there is. */
  readonly reportingHosts: number | undefined;
};

/** The cluster's nodes are DigitalOcean's to watch; our agent runs on hosts that are ours. */
const REPORTING_HOSTS = { droplet: undefined, droplets: 2, kubernetes: 0 } as const;

export function expectOfDataPlane({ kind, reporting_hosts }: DataPlane): DataPlaneExpectations {
  return {
    isStateShared: kind !== 'droplet',
    reportingHosts: reporting_hosts ?? REPORTING_HOSTS[kind],
  };
}
