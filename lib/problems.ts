// Turns everything zod found wrong in one input into a sorted list a person can act on: where, what was found,
// what was expected, what to do. Values of secret settings never appear.

import type * as z from 'zod';
import { ControlError } from './errors.ts';

export type Problem = {
  /** Dotted path with indices, such as `groups[2].max_budget`, or the name of a variable. */
  readonly path: string;
  /** 1-based line in the file, where there is one. */
  readonly line?: number;
  /** What is wrong and what was expected, then the remedy: one sentence each. */
  readonly message: string;
};

export type DescribeOptions = {
  /** Every key the input may have anywhere, for "did you mean". */
  readonly knownKeys: readonly string[];
  /** Whether the value at `path` is a secret and must not be shown. */
  readonly isSecret?: (path: readonly PropertyKey[]) => boolean;
};

/** All problems of a failed parse (made with `reportInput: true`), sorted by path. */
export function describeProblems(error: z.ZodError, options: DescribeOptions): Problem[] {
  return error.issues
    .flatMap((issue) => describeIssue(issue as z.core.$ZodIssue & { input?: unknown }, options))
    .sort((a, b) => (a.path === b.path ? compare(a.message, b.message) : compare(a.path, b.path)));
}

/** One CONFIG_INVALID error that lists every problem on a line of its own. */
export function problemsError(what: string, problems: readonly Problem[]): ControlError {
  const lines = problems.map(
    (p) => `  ${p.path}${p.line === undefined ? '' : ` (line ${p.line})`}: ${p.message}`,
  );
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new ControlError('CONFIG_INVALID', `${what} has ${count}:\n${lines.join('\n')}`, {
    details: { problemCount: problems.length, paths: problems.map((p) => p.path) },
  });
}

function describeIssue(issue: z.core.$ZodIssue & { input?: unknown }, options: DescribeOptions): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: formatPath([...issue.path, key]),
      message: unknownKey(key, options.knownKeys),
    }));
  }
  const secret = options.isSecret?.(issue.path) ?? false;
  return [
    {
      path: formatPath(issue.path),
      message: `${issue.message} Found: ${describeValue(issue.input, secret)}.`,
    },
  ];
}

function unknownKey(key: string, knownKeys: readonly string[]): string {
  const near = knownKeys
    .map((known) => ({ known, distance: editDistance(key.toLowerCase(), known.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance || compare(a.known, b.known))[0];
  return near && near.distance <= Math.max(1, Math.floor(key.length / 3))
    ? `Unknown key; did you mean \`${near.known}\`?`
    : 'Unknown key; remove it or correct its name.';
}

function describeValue(value: unknown, secret: boolean): string {
  if (value === undefined) return 'nothing';
  if (value === null || value === '')
    return 'an empty value (empty is not 0; remove the line or give a value)';
  if (secret) return '[redacted]';
  if (typeof value === 'number') return String(value);
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** `['groups', 2, 'models']` as `groups[2].models`; the top itself as `(top level)`. */
export function formatPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '(top level)';
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${String(part)}`))
    .join('');
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, substitution));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
