// LiteLLM on Kubernetes: built by kustomize, held to Kubernetes' schemas and to our own promises. Each rule has its
// control: a manifest that was spoilt in one place is found.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { findSchemaProblems, installKubernetesValidate } from '../world/kubernetes-validate.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { buildCluster, copyDroplet, type KubernetesObject, OVERLAY, parseCluster } from './cluster.ts';
import { findBrokenPromises } from './cluster-promises.ts';
import { DROPLET, ROOT } from './paths.ts';

/** kustomize is built and the schemas are fetched on a fresh machine. */
const SETUP_LIMIT_MS = 600_000;
/** Two minor versions apart, so that a field that comes or goes is noticed. */
const KUBERNETES_VERSIONS = ['1.34', '1.36'];

const folder = makeThrowAwayFolder();
let droplet: string;
let text: string;
let objects: KubernetesObject[];
let validate: string;

beforeAll(async () => {
  droplet = copyDroplet(folder.path);
  text = buildCluster(droplet);
  objects = parseCluster(text);
  validate = await installKubernetesValidate(join(ROOT, '.world', 'cache'));
}, SETUP_LIMIT_MS);
afterAll(() => folder.remove());

describe('what is built', () => {
  test.each(KUBERNETES_VERSIONS)(
    'fits the schemas of Kubernetes %s, and a misspelt field does not',
    (version) => {
      const [right, wrong] = [join(folder.path, 'right.yaml'), join(folder.path, 'wrong.yaml')];
      writeFileSync(right, text);
      writeFileSync(wrong, text.replace('readOnlyRootFilesystem:', 'readOnlyRootFileSystem:'));

      expect(findSchemaProblems(validate, right, version)).toEqual([]);
      expect(findSchemaProblems(validate, wrong, version).join('\n')).toContain('readOnlyRootFileSystem');
    },
  );

  test('everything lies in the namespace, which admits only restricted pods', () => {
    const namespace = objects.find(({ kind }) => kind === 'Namespace');
    const outside = objects.filter(
      ({ kind, metadata }) => kind !== 'Namespace' && metadata.namespace !== 'litellm',
    );

    expect(namespace?.metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    expect(outside).toEqual([]);
  });

  test('nothing is built while an image has no digest', () => {
    const lock = join(droplet, OVERLAY, 'images.lock.env');
    const before = readFileSync(lock);
    rmSync(lock);

    expect(() => buildCluster(droplet)).toThrow('images.lock.env');
    writeFileSync(lock, before);
  });

  test('the models and settings are those of the droplet, to the byte', () => {
    const config = objects.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.startsWith('litellm-config-'),
    );

    expect(config?.data).toEqual({
      'config.yaml': readFileSync(join(DROPLET, 'litellm', 'config.yaml'), 'utf8'),
    });
  });

  test('every template of nginx goes along and gets its path back', () => {
    const templates = readdirSync(join(DROPLET, 'nginx'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.conf') || file === 'render' || file === 'defaults.env')
      .sort();
    const config = objects.find(({ metadata }) => metadata.name.startsWith('nginx-templates-'));
    const volumes = JSON.stringify(
      objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'nginx'),
    );
    const items = [...volumes.matchAll(/\{"key":"([^"]+)","path":"([^"]+)"\}/g)].map(([, key, path]) => [
      key,
      path,
    ]);

    expect(items.map(([, path]) => path).sort()).toEqual(templates);
    expect(items.map(([key]) => key).sort()).toEqual(Object.keys(config?.data ?? {}).sort());
    expect(items.filter(([key, path]) => key !== path?.replaceAll('/', '--'))).toEqual([]);
  });

  test('nginx knows every name that the cluster gives it', () => {
    const [settings, target] = [join(droplet, OVERLAY, 'site.env'), join(folder.path, 'nginx')];
    const { status, stderr } = spawnSync('sh', [join(droplet, 'nginx', 'render'), settings, target], {
      encoding: 'utf8',
    });

    expect([status, stderr]).toEqual([0, '']);
    expect(readFileSync(join(target, 'stream.conf'), 'utf8')).toContain('listen 8443 proxy_protocol;');
    expect(readFileSync(join(target, 'nginx.conf'), 'utf8')).toContain('resolver kube-dns.kube-system.svc');
  });

  test('what only builds the manifests stays here', () => {
    expect(objects.map(({ metadata }) => metadata.name)).not.toContain('images');
    expect(text).not.toContain('VPC_RANGE');
  });
});

test('LiteLLM ends no request that is under way: it may take longer than the longest request', () => {
  const deployment = objects.find(
    ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'litellm',
  );
  const graceSeconds = Number(/"terminationGracePeriodSeconds":(\d+)/.exec(JSON.stringify(deployment))?.[1]);
  const drainSeconds = Number(
    /"name":"GRACEFUL_SHUTDOWN_TIMEOUT","value":"(\d+)"/.exec(JSON.stringify(deployment))?.[1],
  );
  const config = parse(readFileSync(join(DROPLET, 'litellm', 'config.yaml'), 'utf8'));

  expect(drainSeconds).toBeGreaterThanOrEqual(config.litellm_settings.request_timeout);
  // 15 s of preStop come first.
  expect(graceSeconds).toBeGreaterThanOrEqual(drainSeconds + 15);
});

describe('the promises', () => {
  test('hold', () => {
    expect(findBrokenPromises(objects)).toEqual([]);
  });

  test.each([
    ['an image by version', /nginx@sha256:[0-9a-f]+/, 'nginx:1.30.6', 'has no digest (nginx:1.30.6)'],
    ['a pod as root', 'runAsNonRoot: true', 'runAsNonRoot: false', 'may run as root'],
    ['the user 0', 'runAsUser: 65534', 'runAsUser: 0', 'may run as root'],
    [
      'a root that can be written',
      'readOnlyRootFilesystem: true',
      'readOnlyRootFilesystem: false',
      'writes to its root',
    ],
    [
      'a way to more privileges',
      'allowPrivilegeEscalation: false',
      'allowPrivilegeEscalation: true',
      'may gain privileges',
    ],
    ['a capability', /drop:\n\s+- ALL/, 'drop: []', 'has capabilities'],
    [
      'a folder of the node',
      /emptyDir:\n\s+sizeLimit: 256Mi/,
      'hostPath: { path: /var }',
      'mounts scratch of the node',
    ],
    ['no seccomp profile', 'type: RuntimeDefault', 'type: Unconfined', 'has no seccomp profile'],
    ['no limits', 'memory: 1664Mi', 'ephemeral-storage: 1Gi', 'litellm has no limits'],
    ['no probe', 'livenessProbe:', 'xProbe:', 'is not asked how it is'],
    [
      'a Service that selects nobody',
      /kind: Service\n(?:.*\n)*? {4}app.kubernetes.io\/name: litellm/,
      'kind: Service\nmetadata: { name: litellm }\nspec:\n  ports: []\n  selector:\n    app.kubernetes.io/name: nobody',
      'selects 0 workloads',
    ],
    ['a port that nobody has', 'targetPort: https', 'targetPort: tls', 'the port tls, which nobody has'],
    [
      'a network that is open',
      /policyTypes:\n {2}- Ingress\n {2}- Egress\n---/,
      'policyTypes:\n  - Ingress\n---',
      'closes everything',
    ],
    [
      'a policy for nobody',
      /podSelector:\n {4}matchLabels:\n {6}app.kubernetes.io\/name: litellm-migrate/,
      'podSelector:\n    matchLabels:\n      app.kubernetes.io/name: other',
      'selects no pod',
    ],
    [
      'a token of Kubernetes',
      'automountServiceAccountToken: false',
      'automountServiceAccountToken: true',
      'hands out its token',
    ],
    [
      'a secret in a file',
      /name: TZ\n\s+value: UTC/,
      'name: LITELLM_SALT_KEY\n          value: sk-x',
      'has LITELLM_SALT_KEY in a file',
    ],
    ['a Secret', 'kind: Namespace', 'kind: Secret', 'Secret litellm is in a file'],
  ] as const)('%s is found', (_name, from, to, problem) => {
    const spoilt = text.replace(from, to);

    expect(spoilt).not.toBe(text);
    expect(findBrokenPromises(parseCluster(spoilt)).join('\n')).toContain(problem);
  });
});
