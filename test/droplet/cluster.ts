// The manifests of phase 3 as kustomize builds them, from a copy of droplet/ with the two files that are never in git.

import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import * as z from 'zod';
import { installGoCommand, KUSTOMIZE } from '../world/go-tool.ts';
import { DROPLET, ROOT } from './paths.ts';
import { SOME_DIGEST } from './stack-model.ts';

export const OVERLAY = join('scale', 'phase-3', 'overlays', 'production');

/** An object of Kubernetes, of which a test reads what it needs. */
const object = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});
export type KubernetesObject = z.infer<typeof object>;

/** Copies droplet/ into `folder`, which is empty, and adds what an operator adds. Returns the copy. */
export function copyDroplet(folder: string): string {
  const droplet = join(folder, 'droplet');
  cpSync(DROPLET, droplet, { recursive: true });
  writeFileSync(join(droplet, OVERLAY, 'images.lock.env'), renderImagesLock());
  writeFileSync(join(droplet, OVERLAY, 'database-ca.crt'), 'the certificate of the database\n');
  return droplet;
}

/** What droplet/install/lock-images would write, with a digest that no registry has. */
export function renderImagesLock(): string {
  return readFileSync(join(DROPLET, 'images.env'), 'utf8')
    .split('\n')
    .filter((line) => /^[A-Z]/.test(line))
    .map((line) => line.replace(/:[^:]*$/, `@${SOME_DIGEST}\n`))
    .join('');
}

/** The text that would go to the cluster. Throws with what kustomize says. */
export function buildCluster(droplet: string): string {
  const kustomize = installGoCommand(join(ROOT, '.world', 'cache'), KUSTOMIZE);
  const { status, stdout, stderr } = spawnSync(kustomize, ['build', join(droplet, OVERLAY)], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr.trim());
  return stdout;
}

export function parseCluster(text: string): KubernetesObject[] {
  return parseAllDocuments(text).map((document) => object.parse(document.toJS()));
}
