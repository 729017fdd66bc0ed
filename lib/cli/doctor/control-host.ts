// The control host: LiteLLM whole, for holders of a certificate of ours who are named there, and for nobody else.

import { type joinMutualTls, type MutualTls, tlsClientOptions } from '../../mutual-tls.ts';
import { type Check, type Finding, failed, notChecked, well } from './check.ts';
import type { Edge } from './edge.ts';
import { type Answer, ask, codeOf } from './network.ts';

const PATH = '/health/liveliness';

/** `readStrangerIdentity`: one that is ours and has no business there, such as the webhook's. */
export function controlHostChecks(
  edge: () => Edge,
  readStrangerIdentity: () => Parameters<typeof joinMutualTls>[1],
): readonly Check[] {
  const askControl = async (tls: Partial<ReturnType<typeof tlsClientOptions>>, signal: AbortSignal) => {
    const { network, controlHost: host, requireAddress } = edge();
    const address = await requireAddress(host);
    const question = { address, port: network.httpsPort, host, path: PATH, tls, signal };
    return ask(question).catch((error: unknown) => {
      signal.throwIfAborted();
      return codeOf(error);
    });
  };
  return [
    {
      id: 'control-refuses',
      what: 'The control host refuses who shows no certificate',
      why: 'behind it is all of LiteLLM’s management: without the certificate an admin key alone would open it from anywhere.',
      needs: ['names-same', 'port-https'],
      run: async (signal) => {
        const { ca, minVersion } = tlsClientOptions(edge().tls);
        const answer = await askControl({ ca, minVersion }, signal);
        return judgeRefusal(answer, 'without a certificate');
      },
    },
    {
      id: 'control-answers',
      what: 'The control host answers our certificate, with one of DATA_PLANE_CA',
      why: 'by this way the control plane blocks a leaver’s keys; without it nobody is added and nobody is removed.',
      needs: ['names-same', 'port-https'],
      run: async (signal) => judgeAnswer(await askControl(tlsClientOptions(edge().tls), signal)),
    },
    {
      id: 'control-others',
      what: 'The control host refuses a certificate of ours that has no business there',
      why: 'the webhook is open to strangers: who takes it over must not stand before LiteLLM’s management with its certificate.',
      needs: ['control-answers'],
      run: async (signal) => {
        const identity = readStrangerIdentity();
        if (identity === undefined) return notChecked('WEBHOOK_CLIENT_IDENTITY is not set here');
        const other: MutualTls = { ca: edge().tls.ca, ...identity };
        return judgeRefusal(
          await askControl(tlsClientOptions(other), signal),
          'control/webhook’s certificate',
        );
      },
    },
  ];
}

/** nginx refuses with 400 (no certificate, a wrong one) or 403 (not named); a server may also end the handshake. */
function judgeRefusal(answer: Answer | string, shown: string): Finding {
  if (typeof answer !== 'string') {
    if (answer.status === 400 || answer.status === 403) return well(`HTTP ${answer.status}`);
    return failed(
      `It answers ${answer.status} ${shown}.`,
      'set `ssl_verify_client on` and the list of names again: compare droplet/nginx/sites/control.conf with what is on the droplet. If strangers may have had the admin key, make a new one.',
    );
  }
  if (/ALERT|ECONNRESET|EPROTO/.test(answer)) return well('it ends the handshake');
  return failed(
    `It did not come to that: ${answer}.`,
    'see the next line, which tries the same with our certificate.',
  );
}

function judgeAnswer(answer: Answer | string): Finding {
  if (typeof answer !== 'string') {
    if (answer.status === 200) return well();
    return failed(
      `It answers ${answer.status}.`,
      answer.status === 400 || answer.status === 403
        ? 'nginx does not accept OPERATOR_CLIENT_IDENTITY: on the droplet `install/print-settings` prints the present one; compare its DATA_PLANE_CA as well.'
        : 'nginx lets us in and LiteLLM behind it does not answer: look at its log on the droplet.',
    );
  }
  return failed(
    `The connection failed: ${answer}.`,
    'if it names a certificate, DATA_PLANE_CA and the control host do not belong together: on the droplet `install/print-settings` prints the present one. Else look at nginx there.',
  );
}
