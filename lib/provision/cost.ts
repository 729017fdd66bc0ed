// What the droplet costs a month, with its arithmetic. Pure.
//
// The droplet's price comes from the API (`price_monthly` of /v2/sizes), so it is today's. The other two are on no API:
// - Volumes: $0.10 per GiB and month (docs.digitalocean.com/products/volumes/details/pricing, as quoted in May 2026).
// - A reserved IPv4 address costs nothing while it is assigned, and something while it is not
//   (docs.digitalocean.com/products/networking/reserved-ips/how-to/modify, page of 2025-06-17).

export const VOLUME_USD_PER_GIB_MONTH = 0.1;
export const PRICES_AS_OF = '2026-05';

export type CostLine = { readonly what: string; readonly usd: number };
export type MonthlyCost = { readonly lines: readonly CostLine[]; readonly totalUsd: number };

/** US dollars a month for a droplet that runs all month; without traffic over the plan's own, backups and taxes. */
export function planMonthlyCost(parts: {
  readonly size: { readonly slug: string; readonly price_monthly: number };
  readonly volumeGib: number;
  readonly hasReservedIp: boolean;
}): MonthlyCost {
  const lines = [
    { what: `droplet ${parts.size.slug}`, usd: parts.size.price_monthly },
    {
      what: `volume ${parts.volumeGib} GiB x $${VOLUME_USD_PER_GIB_MONTH.toFixed(2)}`,
      usd: parts.volumeGib * VOLUME_USD_PER_GIB_MONTH,
    },
    ...(parts.hasReservedIp ? [{ what: 'reserved IP while assigned', usd: 0 }] : []),
  ];
  return { lines, totalUsd: lines.reduce((sum, { usd }) => sum + usd, 0) };
}
