// The outermost thing: whether the three names lead to the droplet, and all to the same one.

import { type Check, failed, well } from './check.ts';
import type { Edge } from './edge.ts';
import type { Addresses } from './network.ts';

/** `edge` is asked only once the settings are known to be right. */
export function nameChecks(edge: () => Edge): readonly Check[] {
  return [
    {
      id: 'name-public',
      what: 'The public name leads somewhere',
      why: 'without an address nobody reaches a model, and Let’s Encrypt gives no certificate.',
      needs: ['settings-lcp'],
      run: async () => {
        const { network, publicHost } = edge();
        const found = await network.readAddresses(publicHost);
        const all = [...found.v4, ...found.v6];
        if (all.length > 0) return well(`${publicHost}: ${all.join(', ')}`);
        return failed(
          `${publicHost} has no A and no AAAA record.`,
          'set the A record of the name to the droplet’s address (`lcp provision` does), and wait as long as the old answer may be kept.',
        );
      },
    },
    {
      id: 'names-same',
      what: 'Control host and database host lead to the same addresses',
      why: 'nginx tells the three apart by name on one port; a name that leads elsewhere hands the control plane to whoever is there, or to nobody.',
      needs: ['name-public'],
      run: async () => {
        const { network, publicHost, controlHost, databaseHost } = edge();
        const wanted = render(await network.readAddresses(publicHost));
        const others = await Promise.all(
          [controlHost, databaseHost].map(async (host) => {
            const found = render(await network.readAddresses(host));
            return found === wanted ? [] : [`${host} leads to ${found}`];
          }),
        );
        const wrong = others.flat();
        if (wrong.length === 0) return well(`${controlHost}, ${databaseHost}`);
        return failed(
          `${publicHost} leads to ${wanted}, but ${wrong.join(' and ')}.`,
          'give all three names the same A records, and the same AAAA records or none; then look again once the old answers have expired.',
        );
      },
    },
  ];
}

function render({ v4, v6 }: Addresses): string {
  return [...v4, ...v6].join(', ') || 'nowhere';
}
