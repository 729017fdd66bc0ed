// What answers from outside and what does not. Docker publishes ports past the host's firewall, so a port is closed only
// when it was tried.

import { type Check, failed, well } from './check.ts';
import type { Edge } from './edge.ts';
import { ask, codeOf, type PortState, tryPort } from './network.ts';

/** A firewall drops without a word, so a closed port costs this long; they are tried at the same time. */
const SILENCE_MS = 3_000;

export function portChecks(edge: () => Edge): readonly Check[] {
  return [
    {
      id: 'port-https',
      what: 'Port 443 is open on every address',
      why: 'models, portal, control host and database are all behind it; an address where it is closed fails for those who happen to get it.',
      needs: ['name-public'],
      run: async () => {
        const { network, readPublicAddresses } = edge();
        const states = await tryAll(await readPublicAddresses(), [network.httpsPort]);
        const wrong = states.filter(({ state }) => state === 'closed' || state === 'silent');
        const unseen = states.filter(({ state }) => state === 'no-route');
        if (wrong.length > 0 || unseen.length === states.length) {
          return failed(
            `${describe([...wrong, ...unseen])}.`,
            'look at the cloud firewall (`lcp provision`), at nginx on the droplet (`docker compose -p litellm ps`), and remove the record of an address that the droplet does not have.',
          );
        }
        return unseen.length === 0 ? well() : well(`not seen from here: ${describe(unseen)}`);
      },
    },
    {
      id: 'port-http',
      what: 'Port 80 leads to https',
      why: 'Let’s Encrypt asks there for proof of the name, and a link without https must not serve anything in the clear.',
      needs: ['name-public'],
      run: async (signal) => {
        const { network, publicHost, requireAddress } = edge();
        const address = await requireAddress(publicHost);
        const question = { address, port: network.httpPort, host: publicHost, path: '/', signal };
        const next =
          'look at nginx on the droplet (droplet/nginx/sites/port-80.conf) and at port 80 in the cloud firewall.';
        const answer = await ask(question).catch(codeOf);
        if (typeof answer === 'string') return failed(`Nothing answers there (${answer}).`, next);
        const { location = '' } = answer.headers;
        const isRedirect = [301, 302, 307, 308].includes(answer.status);
        if (isRedirect && location.startsWith(`https://${publicHost}/`)) return well();
        return failed(`It answers ${answer.status}${location && ` and leads to ${location}`}.`, next);
      },
    },
    {
      id: 'ports-closed',
      what: 'What runs inside is not reached from here',
      why: 'Ollama asks nobody for a key, Valkey and PostgreSQL are found by scanners within hours, and LiteLLM past nginx has no limits and all its management routes.',
      needs: ['name-public'],
      run: async () => {
        const { network, readPublicAddresses } = edge();
        const ports = network.innerPorts.map(({ port }) => port);
        const states = await tryAll(await readPublicAddresses(), ports);
        const open = states.filter(({ state }) => state === 'open');
        if (open.length === 0) return well(`tried ${ports.join(', ')}`);
        const names = open.map(({ address, port }) => {
          const what = network.innerPorts.find((inner) => inner.port === port)?.what;
          return `${what} answers on port ${port} of ${address}`;
        });
        return failed(
          `${names.join('; ')}.`,
          'close it now: `lcp provision` restores the cloud firewall, `droplet/firewall` the one of the host; then remove the published port from the compose file, and rotate what it could give away.',
        );
      },
    },
  ];
}

type Tried = { readonly address: string; readonly port: number; readonly state: PortState };

function tryAll(addresses: readonly string[], ports: readonly number[]): Promise<readonly Tried[]> {
  const pairs = addresses.flatMap((address) => ports.map((port) => ({ address, port })));
  return Promise.all(pairs.map(async (pair) => ({ ...pair, state: await tryPort(pair, SILENCE_MS) })));
}

const WORDS = { open: 'is open', closed: 'refuses', silent: 'says nothing', 'no-route': 'cannot be reached' };

function describe(tried: readonly Tried[]): string {
  return tried.map(({ address, port, state }) => `port ${port} of ${address} ${WORDS[state]}`).join('; ');
}
