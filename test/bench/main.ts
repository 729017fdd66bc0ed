// `npm run bench [-- NAME...]`: runs the named benches, or all, one after the other. Figures are measurements: a bound
// that is not held is said, and the exit code is 0 all the same; it is 1 when something could not be measured.

import { mkdir } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { measureAgent } from './agent.ts';
import { type Bench, type BenchContext, defaultContext } from './bench.ts';
import { measureBundleFigures } from './bundle-figures.ts';
import { type Figure, renderLine, renderTable } from './figures.ts';
import { measureFirstSync } from './first-sync.ts';
import { measureLeaver } from './leaver.ts';
import { measureNoOp } from './no-op.ts';
import { measurePlanning } from './plan.ts';
import { measureWebhook } from './webhook.ts';

/** The order is that of a run of all: the longest first would hide a late mistake. */
export const BENCHES: Readonly<Record<string, Bench>> = {
  bundles: measureBundleFigures,
  plan: (context) => measurePlanning(context),
  'no-op': measureNoOp,
  agent: (context) => measureAgent(context),
  leaver: measureLeaver,
  webhook: measureWebhook,
  'first-sync': measureFirstSync,
};

const ABOUT: Readonly<Record<keyof typeof BENCHES, string>> = {
  bundles: 'size of each bundle, cold start against an empty function',
  plan: 'plan and guard for 100,000 members in 500 groups: seconds, memory',
  'no-op': 'a sync that finds nothing to do, at 100, 1,000 and 10,000 members',
  agent: 'the droplet’s agent while the control plane is dead: processor time and memory, four minutes',
  leaver: 'from Microsoft’s notification to the refused key, against one Graph read and one block',
  webhook: 'acknowledging notifications against a bare insert; three minutes with kill -9',
  'first-sync': 'first sync of 300 people on the real LiteLLM against bare key calls',
};

export type BenchOutput = {
  /** Takes one JSON line for each figure. */
  readonly print: (line: string) => void;
  /** Takes progress and the table. */
  readonly printAside: (line: string) => void;
};

/** Runs one command line and resolves to its exit code. A bench that fails does not keep the others from running. */
export async function runBenches(
  names: readonly string[],
  { print, printAside }: BenchOutput,
  benches: Readonly<Record<string, Bench>> = BENCHES,
  context: BenchContext = defaultContext(printAside),
): Promise<number> {
  const known = Object.keys(benches);
  if (names.includes('--help') || names.includes('-h')) {
    printAside(renderHelp(known));
    return 0;
  }
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    printAside(`Unknown bench: ${unknown.join(', ')}. There are: ${known.join(', ')}.`);
    return 1;
  }
  await mkdir(context.workDir, { recursive: true });
  const figures: Figure[] = [];
  const failed: string[] = [];
  for (const [name, bench] of Object.entries(benches)) {
    if (names.length > 0 && !names.includes(name)) continue;
    try {
      const measured = await bench(context);
      for (const one of measured) print(renderLine(one));
      figures.push(...measured);
    } catch (error) {
      failed.push(name);
      printAside(`${name} could not be measured: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  printAside(`\n${renderTable(figures)}`);
  if (failed.length > 0) printAside(`\nNot measured: ${failed.join(', ')}.`);
  return failed.length > 0 ? 1 : 0;
}

function renderHelp(known: readonly string[]): string {
  const width = Math.max(...known.map((name) => name.length));
  const lines = known.map((name) => `  ${name.padEnd(width)}  ${ABOUT[name] ?? ''}`.trimEnd());
  return [
    'npm run bench [-- NAME...]   measures all, or the named:',
    ...lines,
    'Figures go to standard output, one JSON line each; progress and a table to standard error.',
  ].join('\n');
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  // Started by `npm run bench`, whose end must be ours as well; the channel alone does not keep us alive.
  process.once('disconnect', () => process.exit(1));
  process.channel?.unref();
  process.exitCode = await runBenches(process.argv.slice(2), {
    print: (line) => process.stdout.write(`${line}\n`),
    printAside: (line) => process.stderr.write(`${line}\n`),
  });
}
