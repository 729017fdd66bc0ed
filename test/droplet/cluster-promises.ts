// What the manifests of phase 3 promise, as rules over the built objects: each gives one line a broken promise.

import * as z from 'zod';
import type { KubernetesObject } from './cluster.ts';

const labels = z.record(z.string(), z.string());
const probe = z.looseObject({});
const container = z.looseObject({
  name: z.string(),
  image: z.string(),
  envFrom: z.array(z.looseObject({ secretRef: z.object({ name: z.string() }).optional() })).default([]),
  env: z.array(z.object({ name: z.string(), value: z.string().optional() })).default([]),
  ports: z.array(z.object({ name: z.string() })).default([]),
  resources: z.object({ requests: labels, limits: labels }).optional(),
  securityContext: z
    .object({
      allowPrivilegeEscalation: z.boolean(),
      readOnlyRootFilesystem: z.boolean(),
      capabilities: z.object({ drop: z.array(z.string()), add: z.array(z.string()).default([]) }),
    })
    .optional(),
  readinessProbe: probe.optional(),
  livenessProbe: probe.optional(),
});
const pod = z.looseObject({
  serviceAccountName: z.string().optional(),
  automountServiceAccountToken: z.boolean().optional(),
  hostNetwork: z.boolean().optional(),
  hostPID: z.boolean().optional(),
  securityContext: z
    .looseObject({
      runAsNonRoot: z.boolean(),
      runAsUser: z.number(),
      seccompProfile: z.object({ type: z.string() }),
    })
    .optional(),
  initContainers: z.array(container).default([]),
  containers: z.array(container),
  volumes: z.array(z.looseObject({ name: z.string() })).default([]),
});
const workload = z.object({
  kind: z.string(),
  metadata: z.object({ name: z.string() }),
  spec: z.looseObject({ template: z.object({ metadata: z.object({ labels }), spec: pod }) }),
});
const service = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.looseObject({ selector: labels, ports: z.array(z.object({ targetPort: z.string() })) }),
});
const networkPolicy = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.looseObject({
    podSelector: z.object({ matchLabels: labels.optional() }),
    policyTypes: z.array(z.string()),
    ingress: z.array(z.unknown()).optional(),
    egress: z.array(z.unknown()).optional(),
  }),
});
type Workload = z.infer<typeof workload>;

const WORKLOADS = ['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob', 'Pod'];
const LONG_RUNNING = ['Deployment', 'StatefulSet'];
const SECRET_NAME = /KEY|SECRET|PASSWORD|TOKEN|DATABASE_URL/;

/** One line a promise that the objects break; none when all hold. */
export function findBrokenPromises(objects: readonly KubernetesObject[]): string[] {
  const of = (kind: string) => objects.filter((entry) => entry.kind === kind);
  const workloads = objects
    .filter(({ kind }) => WORKLOADS.includes(kind))
    .map((entry) => workload.parse(entry));
  return [
    ...objects
      .filter(({ kind }) => kind === 'Secret')
      .map(({ metadata }) => `Secret ${metadata.name} is in a file`),
    ...workloads.flatMap(findBrokenPodPromises),
    ...of('Service').flatMap((entry) => findServiceProblems(service.parse(entry), workloads)),
    ...findNetworkProblems(
      of('NetworkPolicy').map((entry) => networkPolicy.parse(entry)),
      workloads,
    ),
    ...of('ServiceAccount')
      .filter((account) => account.automountServiceAccountToken !== false)
      .map(({ metadata }) => `ServiceAccount ${metadata.name} hands out its token`),
  ];
}

function findBrokenPodPromises({ kind, metadata, spec }: Workload): string[] {
  const { spec: podSpec } = spec.template;
  const say = (isBroken: boolean, what: string) => (isBroken ? [`${kind} ${metadata.name}: ${what}`] : []);
  const user = podSpec.securityContext;
  return [
    ...say(user?.runAsNonRoot !== true || user.runAsUser === 0, 'may run as root'),
    ...say(user?.seccompProfile.type !== 'RuntimeDefault', 'has no seccomp profile'),
    ...say(podSpec.automountServiceAccountToken !== false, 'gets a token of Kubernetes'),
    ...say(podSpec.hostNetwork === true || podSpec.hostPID === true, 'takes part in the node'),
    ...podSpec.volumes.flatMap((volume) => say('hostPath' in volume, `mounts ${volume.name} of the node`)),
    ...[...podSpec.initContainers, ...podSpec.containers].flatMap(({ name, image, resources, ...rest }) => [
      ...say(!/@sha256:[0-9a-f]{64}$/.test(image), `${name} has no digest (${image})`),
      ...say(!resources?.limits.memory || !resources.limits.cpu, `${name} has no limits`),
      ...say(!resources?.requests.memory || !resources.requests.cpu, `${name} requests nothing`),
      ...say(rest.securityContext?.readOnlyRootFilesystem !== true, `${name} writes to its root`),
      ...say(rest.securityContext?.allowPrivilegeEscalation !== false, `${name} may gain privileges`),
      ...say(
        rest.securityContext?.capabilities.drop.includes('ALL') !== true ||
          rest.securityContext.capabilities.add.length > 0,
        `${name} has capabilities`,
      ),
      ...rest.env
        .filter((variable) => SECRET_NAME.test(variable.name) && variable.value !== undefined)
        .flatMap((variable) => say(true, `${name} has ${variable.name} in a file`)),
    ]),
    ...(LONG_RUNNING.includes(kind) ? podSpec.containers : []).flatMap(
      ({ name, readinessProbe, livenessProbe }) =>
        say(!readinessProbe || !livenessProbe, `${name} is not asked how it is`),
    ),
  ];
}

function findServiceProblems(
  { metadata, spec }: z.infer<typeof service>,
  workloads: readonly Workload[],
): string[] {
  const selected = workloads.filter((entry) => matches(spec.selector, entry.spec.template.metadata.labels));
  if (selected.length !== 1) return [`Service ${metadata.name} selects ${selected.length} workloads`];
  const names = selected
    .flatMap((entry) => entry.spec.template.spec.containers)
    .flatMap(({ ports }) => ports);
  return spec.ports
    .filter(({ targetPort }) => !names.some(({ name }) => name === targetPort))
    .map(({ targetPort }) => `Service ${metadata.name} sends to the port ${targetPort}, which nobody has`);
}

function findNetworkProblems(
  policies: readonly z.infer<typeof networkPolicy>[],
  workloads: readonly Workload[],
): string[] {
  const isClosing = ({ spec }: (typeof policies)[number]) =>
    Object.keys(spec.podSelector.matchLabels ?? {}).length === 0 &&
    spec.ingress === undefined &&
    spec.egress === undefined &&
    ['Ingress', 'Egress'].every((type) => spec.policyTypes.includes(type));
  return [
    ...(policies.some(isClosing) ? [] : ['No NetworkPolicy closes everything for every pod']),
    ...policies
      .filter(({ spec: { podSelector } }) => podSelector.matchLabels !== undefined)
      .filter(
        ({ spec: { podSelector } }) =>
          !workloads.some((entry) =>
            matches(podSelector.matchLabels ?? {}, entry.spec.template.metadata.labels),
          ),
      )
      .map(({ metadata }) => `NetworkPolicy ${metadata.name} selects no pod`),
  ];
}

function matches(selector: Record<string, string>, given: Record<string, string>): boolean {
  return Object.entries(selector).every(([name, value]) => given[name] === value);
}
