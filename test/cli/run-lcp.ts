// One command line of `lcp` in this process: its exit code and what it printed.

import { runCli } from '../../lib/cli/lcp.ts';
import type { Clock } from '../../lib/clock.ts';

export async function runLcp(
  args: readonly string[],
  { variables, clock }: { readonly variables: Readonly<Record<string, string>>; readonly clock: Clock },
): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await runCli(args, {
    variables,
    clock,
    print: (text) => {
      out += text;
    },
    printError: (text) => {
      err += text;
    },
    actor: 'cli:test',
  });
  return { code, out, err };
}
