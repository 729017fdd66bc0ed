// nginx as it stands on the droplet, for one test file: certificates, the portal, and whatever is behind it.

import { afterAll, beforeAll } from 'vitest';
import { type Answer, askSite, openAnswer, type Question } from '../world/ask-site.ts';
import { createDropletCertificates, type DropletCertificates } from '../world/droplet-certificates.ts';
import { type Nginx, startNginx } from '../world/nginx.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { type PortalStandIn, startPortalStandIn } from './portal-stand-in.ts';

export const PUBLIC_HOST = 'llm.example.com';
export const CONTROL_HOST = `control.${PUBLIC_HOST}`;
export const DATABASE_HOST = `db.${PUBLIC_HOST}`;

export type Edge = {
  readonly nginx: Nginx;
  readonly certificates: DropletCertificates;
  readonly portal: PortalStandIn;
  /** Asks the public site as a browser trusts it. */
  ask(path: string, question?: Partial<Question>): Promise<Answer>;
  open(path: string, question?: Partial<Question>): ReturnType<typeof openAnswer>;
  /** Asks the control host, trusting our own authority. */
  askControl(path: string, question?: Partial<Question>): Promise<Answer>;
};

type Behind = {
  readonly litellmAddress: string;
  readonly postgresAddress?: string;
  readonly settings?: Readonly<Record<string, string>>;
};

/** Call it at the top of a test file; what it gives is filled in before the first test. `behind` starts what nginx
 *  passes requests to, with the folder of the certificates at hand, and gives its addresses. */
export function useEdge(behind: (certificates: DropletCertificates) => Behind | Promise<Behind>): Edge {
  const edge = {} as { -readonly [Name in keyof Edge]: Edge[Name] };
  const folder = makeThrowAwayFolder();

  beforeAll(async () => {
    const certificates = await createDropletCertificates(folder.path, PUBLIC_HOST);
    const portal = await startPortalStandIn(PUBLIC_HOST, certificates.functions);
    const { litellmAddress, postgresAddress = '127.0.0.1:9', settings = {} } = await behind(certificates);
    const nginx = await startNginx({
      dir: folder.path,
      publicHost: PUBLIC_HOST,
      litellmAddress,
      postgresAddress,
      portalWebUrl: portal.url,
      tlsDir: folder.path,
      publicCertificate: `${folder.path}/public.pem`,
      settings,
    });
    const site = (path: string, question: Partial<Question> = {}): Question => ({
      port: nginx.httpsPort,
      name: PUBLIC_HOST,
      ca: certificates.publicCa,
      path,
      ...question,
    });
    Object.assign(edge, {
      nginx,
      certificates,
      portal,
      ask: (path, question) => askSite(site(path, question)),
      open: (path, question) => openAnswer(site(path, question)),
      askControl: (path, question) =>
        askSite(site(path, { name: CONTROL_HOST, ca: certificates.ca, ...question })),
    } satisfies Edge);
  });
  afterAll(async () => {
    await edge.nginx?.stop();
    await edge.portal?.close();
    folder.remove();
  });
  return edge;
}
